import Foundation
import OunceContainers
import OunceCore
import Testing

/// What must hold for files whose headers are sound, but not the content of a tensor.
struct DamagedContentTests {
  private static let isRecording = ProcessInfo.processInfo.environment["OUNCE_RECORD_EXPECTED"] == "1"

  @Test(arguments: Fixtures.entries("damaged")) func `an error of reading is as recorded`(_ fixture: Fixture) throws {
    let model = try Open.model(at: fixture.path)
    let error = try #require(throws: OunceError.self) { for tensor in model.tensors { _ = try tensor.content() } }
    let text = "\(error)".replacingOccurrences(of: Paths.folder(of: fixture.path) + "/", with: "") + "\n"
    if Self.isRecording { try text.write(toFile: fixture.path + ".expected", atomically: true, encoding: .utf8) }
    #expect(text == (try fixture.note(".expected")))
    #expect(error.file == fixture.path && error.offset != nil && error.remedy != nil)
  }
}
