public import OunceCore

/// One NumPy array.
///
/// Specification: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
///
/// | bytes | what |
/// |---|---|
/// | 6 | `\x93NUMPY` |
/// | 2 | version: 1, 2 or 3, then 0 |
/// | 2 (version 1) or 4 | N: bytes of the header, little endian |
/// | N | a Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, spaces, a line feed |
/// | … | the elements, without gaps |
///
/// Version 3 has its header in UTF-8 instead of Latin-1, which only names of fields need.
///
/// The file says no name: the tensor is called like the file, without its `.npy`. There is no place for metadata:
/// writing leaves it out.
public struct NPYContainer: Container {
  public let name = "NPY"
  public let fileExtensions = ["npy"]

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool { candidate.has(NPYHeader.magic) }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    let name = Self.tensorName(Paths.name(of: file.path))
    let tensor = try NPYHeader(file).tensor(named: name, of: file)
    return Model(path: file.path, container: self.name, tensors: [tensor], files: [file])
  }

  /// The name without the ending of NumPy files. NumPy's own name for an array without one is `arr`.
  static func tensorName(_ fileName: String) -> String {
    let name = fileName.hasSuffix(".npy") ? String(fileName.dropLast(4)) : fileName
    return name.isEmpty ? "arr" : name
  }
}

extension NPYContainer: WritableContainer {
  public var tensorLimit: Int? { 1 }

  /// The very bytes of `numpy.save`.
  ///
  /// - Throws: `OunceError` when there is not just one tensor, or NumPy has no type for it.
  public func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout {
    let tensor = try tensors.onlyTensor(of: ".npy", remedy: "name an output that ends in .npz, which holds any number")
    let header = try NPYHeader.bytes(for: tensor)
    return FileLayout(header: header, offsets: [header.count], byteCount: header.count + tensor.byteCount)
  }
}

extension [TensorInfo] {
  /// The tensor of a container that holds no more than one.
  ///
  /// - Throws: `OunceError` that names some when there are several.
  func onlyTensor(of container: String, remedy: String) throws(OunceError) -> TensorInfo {
    var names = Set<ExactString>()
    for tensor in self where !names.insert(ExactString(tensor.name)).inserted {
      throw OunceError(.request, "two tensors have this name", subject: "tensor \(tensor.name)")
    }
    guard count == 1, let tensor = first else {
      let found = isEmpty ? "there is none" : "there are \(count): \(listed(map(\.name)))"
      throw OunceError(
        .unsupported, "a \(container) file holds one tensor, but \(found)",
        remedy: isEmpty ? nil : "extract the one that is wanted, or \(remedy)")
    }
    return tensor
  }
}
