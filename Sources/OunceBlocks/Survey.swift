internal import CLanes
public import OunceEncoding

extension BlockKernels {
  /// Plain types are searched for words that are no numbers, sixty-four bytes at a time; of blocks only the scales are
  /// looked at, and the codes where the format forbids some.
  public func survey(_ blocks: RawSpan, _ encoding: any Encoding) -> BlockSurvey {
    var survey = BlockSurvey()
    unsafe blocks.withUnsafeBytes { buffer in
      guard let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      if let pattern = encoding.nonFinite {
        unsafe count(pattern, start, buffer.count, elementByteCount: encoding.bytesPerBlock, &survey.nonFinite)
      }
      let count = buffer.count / encoding.bytesPerBlock
      for run in encoding.scales {
        for number in 0..<run.count {
          unsafe look(
            at: start + run.offset + number * run.kind.byteCount, run.kind, encoding.bytesPerBlock, count,
            isFirst: number == 0, &survey)
        }
      }
    }
    if encoding.hasForbiddenBits {
      for index in 0..<blocks.byteCount / encoding.bytesPerBlock {
        let start = index * encoding.bytesPerBlock
        let block = blocks.extracting(start..<start + encoding.bytesPerBlock)
        if encoding.isForbidden(block) { survey.forbidden.add(index) }
      }
    }
    return survey
  }

  /// Looks at pieces of 4 KiB as a whole, and at single words only in a piece that has one.
  private func count(
    _ pattern: BitPattern, _ start: UnsafePointer<UInt8>, _ byteCount: Int, elementByteCount: Int,
    _ tally: inout BlockSurvey.Tally
  ) {
    for piece in stride(from: 0, to: byteCount, by: 4096) {
      let count = min(4096, byteCount - piece) / pattern.width
      let place = unsafe start + piece
      let hasAny: Bool
      switch pattern.width {
      case 1: hasAny = unsafe lanes_any_match_8(place, count, UInt8(pattern.mask), UInt8(pattern.value))
      case 2: hasAny = unsafe lanes_any_match_16(place, count, UInt16(pattern.mask), UInt16(pattern.value))
      case 4: hasAny = unsafe lanes_any_match_32(place, count, UInt32(pattern.mask), UInt32(pattern.value))
      default: hasAny = unsafe lanes_any_match_64(place, count, pattern.mask, pattern.value)
      }
      guard hasAny else { continue }
      for index in 0..<count {
        var word: UInt64 = 0
        for byte in 0..<pattern.width { word |= UInt64(unsafe place[index * pattern.width + byte]) << UInt64(8 * byte) }
        if word & pattern.mask == pattern.value { tally.add((piece + index * pattern.width) / elementByteCount) }
      }
    }
  }

  private func look(
    at place: UnsafePointer<UInt8>, _ kind: ScaleRun.Kind, _ distance: Int, _ count: Int, isFirst: Bool,
    _ survey: inout BlockSurvey
  ) {
    for index in 0..<count {
      let scale = unsafe place + index * distance
      switch kind {
      case .half: survey.note(half: unsafe UInt16(scale[0]) | UInt16(scale[1]) << 8, index, isFirst)
      case .scattered:
        var bits: UInt16 = 0
        for piece in 0..<4 { bits |= UInt16(unsafe scale[2 * piece + 1] >> 4) << UInt16(4 * piece) }
        survey.note(half: bits, index, isFirst)
      case .single:
        let bits = (0..<4).reduce(UInt32(0)) { unsafe $0 | UInt32(scale[$1]) << UInt32(8 * $1) } & 0x7FFF_FFFF
        if bits >= 0x7F80_0000 { survey.nonFinite.add(index) }
        if bits == 0, isFirst { survey.zeroScales.add(index) }
      case .brain:
        let bits = unsafe (UInt16(scale[0]) | UInt16(scale[1]) << 8) & 0x7FFF
        if bits >= 0x7F80 { survey.nonFinite.add(index) }
        if bits == 0, isFirst { survey.zeroScales.add(index) }
      case .e8m0: if unsafe scale[0] == 0xFF { survey.nonFinite.add(index) }
      case .e4m3: if unsafe scale[0] & 0x7F == 0x7F { survey.nonFinite.add(index) }
      }
    }
  }
}

extension ScaleRun.Kind {
  fileprivate var byteCount: Int {
    switch self {
    case .half, .brain: 2
    case .single: 4
    case .e8m0, .e4m3: 1
    case .scattered: 8
    }
  }
}

extension BlockSurvey {
  /// - Parameter isFirst: whether it is the scale of the elements; a minimum may well be zero.
  fileprivate mutating func note(half bits: UInt16, _ index: Int, _ isFirst: Bool) {
    let size = bits & 0x7FFF
    if size >= 0x7C00 {
      nonFinite.add(index)
    } else if !isFirst {
      return
    } else if size == 0 {
      zeroScales.add(index)
    } else if size < 0x0020 {
      denormalScales.add(index)
    }
  }
}
