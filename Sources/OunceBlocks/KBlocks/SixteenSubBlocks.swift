internal import CLanes

// What the super-blocks of sixteen sub-blocks share: codes of two bits, and the tile of sixteen super-blocks at a time.
// In a tile a lane is a super-block; sub-block j lies in half j % 2 of the 16 rows of 32 lanes that begin at row
// 16 * (j / 2).

/// The rows of sub-block j, 2 apart.
@inline(__always)
func subBlock(ofSixteen tile: UnsafeMutablePointer<Lanes>, _ j: Int) -> UnsafeMutablePointer<Lanes> {
  unsafe tile + (j >> 1) * 32 + (j & 1)
}

/// Codes e to e + 3 of the super-blocks of a tile of codes, a byte each.
@inline(__always)
func fourCodes(_ codes: UnsafePointer<IntLanes>, _ e: Int) -> IntLanes {
  let row = unsafe codes + (e >> 5) * 32 + ((e >> 4) & 1) + 2 * (e & 15)
  return unsafe lanes_word(row[0], row[2], row[4], row[6])
}

/// Stores the low two bits of the codes: byte 32 h + i holds codes 128 h + i, + 32, + 64 and + 96, from the low bits
/// up.
@inline(__always)
func storeTwoBits(_ codes: UnsafePointer<IntLanes>, at target: UnsafeMutablePointer<UInt8>, stride: Int) {
  @inline(__always)
  func word(_ e: Int) -> IntLanes {
    let mask: Int32 = 0x0303_0303
    let first = unsafe lanes_bits(fourCodes(codes, e), mask)
    let second = unsafe lanes_shifted_left(lanes_bits(fourCodes(codes, e + 32), mask), 2)
    let third = unsafe lanes_shifted_left(lanes_bits(fourCodes(codes, e + 64), mask), 4)
    let fourth = unsafe lanes_shifted_left(lanes_bits(fourCodes(codes, e + 96), mask), 6)
    return lanes_or(lanes_or(first, second), lanes_or(third, fourth))
  }
  for h in 0..<2 {
    for i in Swift.stride(from: 0, to: 32, by: 16) {
      let e = 128 * h + i
      unsafe lanes_store_transposed(target + 32 * h + i, stride, word(e), word(e + 4), word(e + 8), word(e + 12))
    }
  }
}

/// The same for the 256 codes of one super-block.
func storeTwoBitsTruth(_ codes: UnsafePointer<UInt8>, at target: UnsafeMutablePointer<UInt8>) {
  for i in 0..<64 {
    let row = unsafe codes + 128 * (i / 32) + i % 32
    unsafe target[i] = row[0] & 3 | (row[32] & 3) << 2 | (row[64] & 3) << 4 | (row[96] & 3) << 6
  }
}
