internal import OunceCore

/// The sizes of a dataset or an attribute.
///
/// | version 1 | version 2 |
/// |---|---|
/// | version, number of dimensions, flags, zeros (5) | version, number of dimensions, flags, type |
/// | sizes; the largest that they may become, where a flag says so | the same |
struct HDF5Dataspace {
  /// Empty for a single element.
  var shape: [Int] = []
  /// What sizes may become; nil: anything.
  var limits: [Int?] = []
  /// Whether there is no element at all.
  var isNull = false

  init(_ block: inout HDF5Block) throws(OunceError) {
    let version = try block.version(1...2)
    let (count, flags) = (try block.number(1), try block.number(1))
    guard count <= 32 else { throw block.malformed("\(count) dimensions are more than the 32 of HDF5") }
    if version == 1 { try block.skip(5) } else { isNull = try block.number(1) == 2 }
    for _ in 0..<count { shape.append(try block.length()) }
    limits = shape
    guard flags & 1 != 0 else { return }
    limits = []
    for size in shape {
      let limit = try block.lengthOrUnlimited()
      guard limit.map({ $0 >= size }) ?? true else {
        throw block.malformed("a dimension of \(size) elements is beyond its limit of \(limit ?? 0)")
      }
      limits.append(limit)
    }
  }
}

/// How the elements of a dataset are stored.
///
/// | version | what follows it |
/// |---|---|
/// | 1, 2 | number of sizes, class, zeros (5), address unless compact, sizes (4 each), the data if compact |
/// | 3, 4, 5 | class; compact: byte count (2), the data; contiguous: address, byte count |
/// | 3, chunked | number of sizes, address, sizes (4 each) |
/// | 4, 5, chunked | flags, number of sizes, width of a size, sizes, kind of index, its settings, address |
enum HDF5Layout {
  case compact(place: Int, byteCount: Int)
  /// nil: nothing was ever written. The byte count is not known in old versions.
  case contiguous(place: Int?, byteCount: Int?)
  case chunked(HDF5ChunkedLayout)
  case virtual

  init(_ block: inout HDF5Block) throws(OunceError) {
    let start = block.offset
    let version = try block.version(1...5)
    if version < 3 {
      self = try Self.old(&block)
      return
    }
    let type = try block.number(1)
    switch type {
    case 0:
      let byteCount = try block.number(2)
      self = .compact(place: block.offset, byteCount: byteCount)
      try block.skip(byteCount)
    case 1: self = .contiguous(place: try block.address(), byteCount: try block.length())
    case 2: self = .chunked(try HDF5ChunkedLayout(&block, version: version))
    case 3: self = .virtual
    default: throw block.malformed("there is no storage of class \(type)", at: start)
    }
  }

  private static func old(_ block: inout HDF5Block) throws(OunceError) -> HDF5Layout {
    let start = block.offset
    let (count, type) = (try block.number(1), try block.number(1))
    try block.skip(5)
    let place = type == 0 ? nil : try block.address()
    var sizes: [Int] = []
    for _ in 0..<count { sizes.append(try block.number(4)) }
    switch type {
    case 0:
      let byteCount = try block.number(4)
      let layout = HDF5Layout.compact(place: block.offset, byteCount: byteCount)
      try block.skip(byteCount)
      return layout
    case 1: return .contiguous(place: place, byteCount: nil)
    case 2:
      return .chunked(HDF5ChunkedLayout(sizes: sizes, index: .tree, place: place))
    default: throw block.malformed("there is no storage of class \(type)", at: start)
    }
  }
}

/// A dataset in pieces of one size.
struct HDF5ChunkedLayout {
  enum Index {
    /// Version 1, of any kind of dataset.
    case tree
    /// One chunk, with its byte count and the filters that were left out when it is filtered.
    case single(byteCount: Int?, mask: Int)
    /// Chunks one after the other.
    case implicit
    case fixedArray
    case extensibleArray
    /// Version 2, where several dimensions grow.
    case newTree
  }

  /// The sizes of a chunk, and the bytes of an element as the last of them.
  let sizes: [Int]
  let index: Index
  /// nil: nothing was ever written.
  let place: Int?
  /// Chunks that reach beyond the dataset are stored without filters.
  var leavesEdgesUnfiltered = false

  init(sizes: [Int], index: Index, place: Int?) {
    self.sizes = sizes
    self.index = index
    self.place = place
  }

  init(_ block: inout HDF5Block, version: Int) throws(OunceError) {
    var sizes: [Int] = []
    if version == 3 {
      let count = try block.number(1)
      let place = try block.address()
      for _ in 0..<count { sizes.append(try block.number(4)) }
      self.init(sizes: sizes, index: .tree, place: place)
      return
    }
    let flags = try block.number(1)
    let (count, width) = (try block.number(1), try block.number(1))
    guard (1...8).contains(width) else { throw block.malformed("sizes of \(width) bytes, where 1 to 8 are known") }
    for _ in 0..<count { sizes.append(try block.number(width)) }
    let start = block.offset
    let index: Index
    switch try block.number(1) {
    case 1:
      let isFiltered = flags & 2 != 0
      index = .single(
        byteCount: isFiltered ? try block.length() : nil, mask: isFiltered ? try block.number(4) : 0)
    case 2: index = .implicit
    case 3:
      try block.skip(1)
      index = .fixedArray
    case 4:
      try block.skip(5)
      index = .extensibleArray
    case 5:
      try block.skip(6)
      index = .newTree
    default: throw block.malformed("an index of chunks of a kind that this build does not know", at: start)
    }
    self.init(sizes: sizes, index: index, place: try block.address())
    leavesEdgesUnfiltered = flags & 1 != 0
  }
}

/// What elements are that were never written.
enum HDF5FillValue {
  /// The bytes of one element; nil: zeros.
  static func read(_ block: inout HDF5Block, isOld: Bool) throws(OunceError) -> [UInt8]? {
    if isOld { return try value(&block) }
    let version = try block.version(1...3)
    if version == 3 {
      return try block.number(1) & 0x20 != 0 ? try value(&block) : nil
    }
    try block.skip(2)
    let isDefined = try block.number(1) != 0
    return version == 1 || isDefined ? try value(&block) : nil
  }

  private static func value(_ block: inout HDF5Block) throws(OunceError) -> [UInt8]? {
    // A negative size says that there is none.
    let byteCount = try block.number(4)
    return byteCount == 0 || byteCount == 0xFFFF_FFFF ? nil : try block.array(byteCount)
  }
}
