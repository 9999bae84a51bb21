internal import OunceEncoding

/// Where the fields of a block of 32 are. The scale, binary16, comes first.
struct BlockFields {
  /// The largest code: 15 or 31.
  let levels: Float
  /// The byte offset of the minimum; nil: codes count from the middle.
  let minimum: Int?
  /// The byte offset of the fifth bits; nil: there are none.
  let fifth: Int?
  let nibbles: Int
}

/// An encoding of 32 elements that differs from its siblings only in which fields it has, and where.
protocol BlockOfFields: BlockTruth {
  static var fields: BlockFields { get }
}

extension BlockOfFields {
  @inline(__always)
  func encodeFields(
    _ elements: Span<Float>, _ columns: Int, _ importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        if unsafe rows.importance == nil {
          unsafe encodeByExtremes(rows, Self.fields, workspace)
        } else {
          unsafe encodeByImportance(self, rows, Self.fields, workspace)
        }
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let fields = Self.fields
    unsafe withCodes(32) { codes in
      if let minimum = fields.minimum {
        let fit = unsafe affineBlockTruth(x, importance, meanSquare, levels: fields.levels, codes)
        unsafe target.storeHalf(fit.scale, at: 0)
        unsafe target.storeHalf(fit.minimum, at: minimum)
      } else {
        let half = Int32(fields.levels + 1) / 2
        unsafe target.storeHalf(symmetricBlockTruth(x, importance, meanSquare, half: half, codes), at: 0)
      }
      if let fifth = fields.fifth { unsafe target.store(fifthBits(codes), at: fifth) }
      unsafe storeNibbles(codes, at: target + fields.nibbles)
    }
  }
}
