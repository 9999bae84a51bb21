internal import OunceContainers
internal import OunceCore

/// One run of libFuzzer: reads the input as a file, whatever container it is, and all rows of small tensors.
///
/// An error is a fine answer, as long as it names the file. A trap, a hang or too much memory ends the run.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ data: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: byteCount))
  do throws(OunceError) {
    let model = try Containers.read(InputFile(path: "fuzzed", bytes: bytes))
    for tensor in model.tensors.prefix(64) where tensor.info.byteCount <= 1 << 16 {
      do throws(OunceError) { try read(tensor) } catch { check(error) }
    }
  } catch { check(error) }
  return 0
}

private func read(_ tensor: Tensor) throws(OunceError) {
  var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
  try bytes.withMutableRawSpan { (span) throws(OunceError) in
    try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span)
  }
}

private func check(_ error: OunceError) {
  precondition(error.description.utf8.count < 20_000, "an error is as long as a file")
}
