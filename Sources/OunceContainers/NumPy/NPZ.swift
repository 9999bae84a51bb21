public import OunceCore

/// NumPy arrays in a zip archive: what `numpy.savez`, `numpy.savez_compressed` and `mlx.core.savez` write.
///
/// Each member is a `.npy` file; the tensor is called like the member, without its ending. Members are stored or
/// deflated. Arrays of Python objects, strings and records are no tensors: they become remarks.
public struct NPZContainer: Container {
  public let name = "NPZ"
  public let fileExtensions = ["npz"]
  public let sharesBytes = true

  public init() {}

  /// An archive of `.npy` members only.
  public func recognizes(_ candidate: Candidate) -> Bool {
    guard let members = candidate.archive?.members else { return false }
    return !members.isEmpty && members.allSatisfy { $0.name.hasSuffix(".npy") }
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    let archive = try ZipArchive(file)
    var model = Model(path: file.path, container: name, files: [file])
    var refused: OunceError?
    guard archive.members.count <= Limits.tensors else {
      throw OunceError(
        .malformed, "\(archive.members.count) members are more than the limit of \(Limits.tensors) tensors",
        file: file.path)
    }
    for member in archive.members {
      let tensorName = String(member.name.dropLast(4))
      guard tensorName.utf8.count <= Limits.tensorNameByteCount else {
        throw OunceError(
          .malformed,
          "a name of \(tensorName.utf8.count) bytes is beyond the limit of \(Limits.tensorNameByteCount)",
          file: file.path, offset: member.headerOffset)
      }
      let content = try archive.open(member)
      let header: NPYHeader
      do throws(OunceError) { header = try NPYHeader(content) } catch {
        throw error.located(subject: "tensor \(tensorName)")
      }
      if let reason = header.type.refusal {
        model.remarks.append(Remark(.unsupported, subject: tensorName, reason))
        if refused == nil { refused = header.refused(content, reason) }
        continue
      }
      model.tensors.append(try header.tensor(named: tensorName, of: content))
    }
    if model.tensors.isEmpty, let refused { throw refused }
    return model
  }
}

extension NPZContainer: WritableContainer {
  /// The very bytes of `numpy.savez`: stored members whose own headers have 64-bit sizes.
  public func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout {
    // Made by Python's zipfile on Unix: readable and writable by the owner.
    var zip = ZipLayout(.init(hasWideHeaders: true, maker: 3 << 8 | 20, attributes: 0o600 << 16))
    var names = Set<ExactString>(minimumCapacity: tensors.count)
    for (index, tensor) in tensors.enumerated() {
      guard names.insert(ExactString(tensor.name)).inserted else {
        throw OunceError(.request, "two tensors have this name", subject: "tensor \(tensor.name)")
      }
      guard !tensor.name.utf8.contains(0) else {
        throw OunceError(
          .unsupported, "a name with a zero byte is cut there by readers of zip archives",
          subject: "tensor \(tensor.name)", remedy: "rename it")
      }
      let header = try NPYHeader.bytes(for: tensor)
      do throws(OunceError) {
        try zip.add(tensor.name + ".npy", header, tensor: index, byteCount: tensor.byteCount)
      } catch { throw error.located(subject: "tensor \(tensor.name)") }
    }
    return zip.layout(tensorCount: tensors.count)
  }
}
