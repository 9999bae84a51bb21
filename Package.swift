// swift-tools-version: 6.3
import PackageDescription

// The numeric code is compiled once per CPU level on x86-64 (docs/architecture.md, "CPU levels").
// OUNCE_SINGLE_LEVEL=1 leaves the copies out, for cross-compiling from x86-64 to arm64.
#if arch(x86_64)
  let levels = Context.environment["OUNCE_SINGLE_LEVEL"] == nil ? ["V3": "x86-64-v3", "V4": "x86-64-v4"] : [:]
#else
  let levels: [String: String] = [:]
#endif

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Kernels crawl without optimization, so debug builds optimize them too.
let kernels: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let levelTargets: [Target] = levels.map { name, march in
  .target(
    name: "OunceBlocks\(name)", dependencies: ["OunceEncoding", "CLanes"],
    swiftSettings: kernels + [.unsafeFlags(["-Xcc", "-march=\(march)"])])
}
let levelDependencies: [Target.Dependency] = levels.keys.sorted().map { .target(name: "OunceBlocks\($0)") }
let levelDefines: [SwiftSetting] = levels.isEmpty ? [] : [.define("OUNCE_CPU_LEVELS")]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let collections: Target.Dependency = .product(name: "OrderedCollections", package: "swift-collections")
let containers: Target.Dependency = .product(name: "BasicContainers", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "ounce",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "OunceKit", targets: ["OunceKit"]),
    .executable(name: "ounce", targets: ["ounce"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .target(name: "CLanes"),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .target(name: "OunceEncoding", swiftSettings: kernels),
    .target(name: "OunceBlocks", dependencies: ["OunceEncoding", "CLanes"], swiftSettings: kernels),
    // The module that chooses lists the baseline copy first: a weak symbol shared by the copies is then the narrow one.
    .target(
      name: "OunceCore",
      dependencies: ["OunceBlocks"] + levelDependencies + ["OunceEncoding", "CLanes", system, collections],
      swiftSettings: strict + levelDefines),
    .target(
      name: "OunceContainers", dependencies: ["OunceCore", "OunceEncoding", "CZlib", "CZstd", collections, system],
      swiftSettings: strict),
    .target(
      name: "OunceKit",
      dependencies: ["OunceContainers", "OunceCore", "OunceEncoding", collections, containers, crypto],
      swiftSettings: strict),
    .executableTarget(
      name: "ounce", dependencies: ["OunceKit", arguments, collections], swiftSettings: strict),
    .executableTarget(name: "OunceBench", dependencies: ["OunceKit", arguments], swiftSettings: strict),
    .testTarget(
      name: "OunceBlocksTests", dependencies: ["OunceBlocks"] + levelDependencies + ["OunceEncoding", "CLanes"],
      swiftSettings: levelDefines),
    .testTarget(name: "OunceCoreTests", dependencies: ["OunceCore"]),
    .testTarget(name: "OunceContainersTests", dependencies: ["OunceContainers", "OunceCore"]),
    .testTarget(name: "OunceKitTests", dependencies: ["OunceKit", crypto]),
    .testTarget(name: "CommandTests", dependencies: ["ounce", "OunceKit", crypto]),
    .testTarget(name: "TidyTests"),
  ] + levelTargets,
  swiftLanguageModes: [.v6]
)
