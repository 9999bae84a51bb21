import Foundation
import OunceKit
import Testing

/// From any container to any other and back.
struct RoundTripTests {
  struct Pair: Sendable, CustomTestStringConvertible {
    let first: any WritableContainer
    let second: any WritableContainer
    var testDescription: String { "\(first.fileExtensions[0]) to \(second.fileExtensions[0])" }
  }

  /// Containers that can be read again; what is only written has no way back.
  private static let containers = Containers.writable.filter { container in
    Containers.all.contains { $0.name == container.name }
  }
  static let pairs = containers.flatMap { first in containers.map { Pair(first: first, second: $0) } }

  /// Every encoding of single elements, each with 24 of them.
  private static let encodings = Encodings.all.filter { $0.kind != .quantized }

  private static func holds(_ container: any WritableContainer, _ encoding: any Encoding) -> Bool {
    guard let info = try? TensorInfo(name: "weight", shape: [4, 6], encoding: encoding) else { return false }
    return (try? container.layout([:], [info])) != nil
  }

  /// A file of one tensor whose bytes follow from its encoding: small numbers, so that every float is finite.
  private static func model(_ encoding: any Encoding) throws -> Model {
    let info = try TensorInfo(name: "weight", shape: [4, 6], encoding: encoding)
    let bytes = (0..<info.byteCount).map { UInt8(truncatingIfNeeded: encoding.name == "BOOL" ? $0 % 2 : $0 % 59) }
    let data = Memory(bytes: bytes, rowByteCount: info.rowByteCount)
    return Model(path: "weight", container: "memory", tensors: [Tensor(info: info, data: data)])
  }

  private static func write(_ model: Model, _ container: any WritableContainer, _ path: String) throws -> Model {
    var request = ConvertRequest()
    request.format = container.name == "GGUF" ? .gguf : .container(container)
    request.translation.usesOriginalNames = true
    request.output = path
    try model.plan(request).execute()
    return try Open.model(at: path)
  }

  @Test(arguments: pairs) func `a tensor comes back with every byte`(_ pair: Pair) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-round-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var count = 0
    for encoding in Self.encodings where Self.holds(pair.first, encoding) {
      let model = try Self.model(encoding)
      let expected = try model.tensorHashes().map(\.sha256)
      let (one, two) = (pair.first.fileExtensions[0], pair.second.fileExtensions[0])
      let name = encoding.name
      let first = try Self.write(model, pair.first, "\(folder)/\(name)-1.\(one)")
      #expect(try first.tensorHashes().map(\.sha256) == expected, "\(name)")
      guard Self.holds(pair.second, encoding) else {
        let error = try #require(throws: OunceError.self) {
          try Self.write(first, pair.second, "\(folder)/\(name)-2.\(two)")
        }
        #expect(error.remedy != nil, "\(name): \(error)")
        continue
      }
      let second = try Self.write(first, pair.second, "\(folder)/\(name)-2.\(two)")
      let last = try Self.write(second, pair.first, "\(folder)/\(name)-3.\(one)")
      let hashes = try last.tensorHashes()
      #expect(hashes.map(\.sha256) == expected, "\(name)")
      #expect(hashes.map(\.dtype) == [name] && hashes.map(\.shape) == [[4, 6]], "\(name)")
      count += 1
    }
    #expect(count >= 5, "containers share the usual types")
  }
}
