// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that nothing of it is part of a normal build. `Scripts/fuzz` builds and runs it.

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Counts which edges of the code an input reaches. Kernels go without: they cannot fail.
let covered: [SwiftSetting] = strict + [.unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"])]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let collections: Target.Dependency = .product(name: "OrderedCollections", package: "swift-collections")

let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .target(name: "CLanes", path: "Sources/CLanes"),
    .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd"),
    .target(name: "OunceEncoding", path: "Sources/OunceEncoding", swiftSettings: strict),
    .target(
      name: "OunceBlocks", dependencies: ["OunceEncoding", "CLanes"], path: "Sources/OunceBlocks",
      swiftSettings: strict),
    .target(
      name: "OunceCore", dependencies: ["OunceBlocks", "OunceEncoding", "CLanes", system, collections],
      path: "Sources/OunceCore", swiftSettings: covered),
    .target(
      name: "OunceContainers", dependencies: ["OunceCore", "OunceEncoding", "CZlib", "CZstd", collections, system],
      path: "Sources/OunceContainers", swiftSettings: covered),
    .target(name: "CFuzzMain", path: "CFuzzMain"),
    .executableTarget(
      name: "OunceFuzz", dependencies: ["CFuzzMain", "OunceContainers", "OunceCore"], path: "OunceFuzz",
      swiftSettings: covered,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
  ],
  swiftLanguageModes: [.v6]
)
