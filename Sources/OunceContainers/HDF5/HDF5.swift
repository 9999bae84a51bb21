public import OunceCore

/// HDF5, as Keras and TensorFlow write it (`.h5`, `.hdf5`): each dataset of numbers is a tensor, named by its path.
///
/// Specification: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
///
/// | structure | signature | what | file |
/// |---|---|---|---|
/// | superblock | `\211HDF\r\n\032\n` | widths of addresses, where the root group is; at byte 0, 512, 1024, 2048 … | `HDF5Superblock` |
/// | object header | none, or `OHDR`, `OCHK` | messages: what a group or a dataset is | `HDF5ObjectHeader` |
/// | symbol table | `TREE`, `SNOD`, `HEAP` | the links of an old group | `HDF5SymbolTable` |
/// | dense links | `FRHP`, `FHIB`, `FHDB`, `BTHD`, `BTIN`, `BTLF` | the links of a new group | `HDF5FractalHeap`, `HDF5BTree` |
/// | chunk index | `TREE`, `FAHD`, `EAHD`, `BTHD` | where the chunks of a dataset are | `HDF5ChunkIndex` |
/// | global heap | `GCOL` | strings of any length | `HDF5GlobalHeap` |
///
/// Read are: superblocks 0 to 3, both kinds of groups, compact, contiguous and chunked storage with every index, the
/// filters deflate, shuffle and fletcher32, numbers of either byte order. What is not a tensor of numbers, or is kept in
/// another way, becomes a remark. Attributes of the root group that are numbers or text become metadata.
public struct HDF5Container: Container {
  public let name = "HDF5"
  public let fileExtensions = ["h5", "hdf5"]
  public var sharesBytes: Bool { true }

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool {
    if candidate.has(HDF5Superblock.signature) { return true }
    // Behind a user block: an archive may hold such a file by chance.
    return candidate.archive == nil && HDF5Superblock.find(candidate.file) != nil
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = try HDF5Reader(file)
    return try reader.model()
  }
}
