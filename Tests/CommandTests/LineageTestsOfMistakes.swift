import Foundation
import OunceKit

/// The mistakes that are planted. An empty checkpoint is the trained Llama of the fixtures.
extension LineageTests {
  static let mistakes = orders + values + places + splits + tensors + metadata

  /// Rows of heads with their halves apart, or interleaved.
  private static func permuted(_ tensor: Tensor, heads: Int, isInverse: Bool) throws -> Tensor {
    let width = tensor.info.shape[0] / heads
    return try tensor.reordered { row in
      let (head, place) = (row / width, row % width)
      return head * width
        + (isInverse ? place % (width / 2) * 2 + place / (width / 2) : place % 2 * (width / 2) + place / 2)
    }
  }

  private static func heads(_ model: Model, isKey: Bool) throws -> Int {
    let family = model.metadata["general.architecture"]?.string ?? ""
    return model.metadata["\(family).attention.head_count\(isKey ? "_kv" : "")"]?.integer ?? 1
  }

  private static func permute(_ model: inout Model, isInverse: Bool) throws {
    let counts = (try heads(model, isKey: false), try heads(model, isKey: true))
    try model.change("attn_q.weight") { try permuted($0, heads: counts.0, isInverse: isInverse) }
    try model.change("attn_k.weight") { try permuted($0, heads: counts.1, isInverse: isInverse) }
  }

  private static let orders: [Mistake] = [
    Mistake("", "F16", "OUN406", "tensors blk.*.attn_q.weight: rows are as the checkpoint has them") {
      try permute(&$0, isInverse: true)
    },
    Mistake("", "Q4_K_M", "OUN406", "attn_k.weight: rows are as the checkpoint has them: they were not permuted") {
      try permute(&$0, isInverse: true)
    },
    Mistake("", "Q4_K_M", "OUN406", "rows were permuted for rotary embedding twice (blocks 0 to 3)") {
      try permute(&$0, isInverse: false)
    },
    Mistake("", "Q2_K", "OUN406", "rows are as the checkpoint has them: they were not permuted") {
      try permute(&$0, isInverse: true)
    },
    Mistake("", "TQ1_0", "OUN406", "rows were permuted for rotary embedding twice") {
      try permute(&$0, isInverse: false)
    },
    Mistake("qwen3-moe", "Q8_0", "OUN406", "rows were permuted for rotary embedding, which qwen3moe does without") {
      try permute(&$0, isInverse: false)
    },
    Mistake("", "Q4_K_M", "OUN409", "tensors blk.*.attn_output.weight: rows and columns are exchanged (blocks 0 to 3)")
    {
      try $0.change("attn_output.weight") { try transposed($0, shape: $0.info.shape) }
    },
    Mistake("", "F16", "OUN409", "rows and columns are exchanged") {
      try $0.change("ffn_down.weight") { try transposed($0, shape: $0.info.shape.reversed()) }
    },
    Mistake("", "F16", "OUN409", "the transposed matrix lies in a shape that is not transposed") {
      try $0.change("ffn_down.weight") { try transposed($0, shape: $0.info.shape) }
    },
    Mistake("", "F16", "OUN409", "but elements are in the order of") {
      try $0.change("ffn_up.weight") { try $0.with(try $0.values(), shape: $0.info.shape.reversed()) }
    },
    Mistake("", "Q4_K_M", "OUN412", "tensor token_embd.weight: each row is the source's row 1 further on") {
      try $0.change("token_embd.weight") { tensor in
        try tensor.reordered { ($0 + 1) % tensor.info.rowCount }
      }
    },
    Mistake("", "Q8_0", "OUN412", "rows are in reverse order") {
      try $0.change("blk.1.ffn_up.weight") { tensor in try tensor.reordered { tensor.info.rowCount - 1 - $0 } }
    },
    Mistake("", "Q4_K_M", "OUN412", "rows are in another order: row 17 is 18, row 18 is 17") {
      try $0.change("output.weight") { tensor in try tensor.reordered { $0 == 17 ? 18 : $0 == 18 ? 17 : $0 } }
    },
  ]

  private static func transposed(_ tensor: Tensor, shape: [Int]) throws -> Tensor {
    let (rows, columns) = (tensor.info.shape[0], tensor.info.shape[1])
    let values = try tensor.values()
    return try tensor.with(
      (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }, shape: shape)
  }

  private static let values: [Mistake] = [
    Mistake("gemma2", "F16", "OUN407", "1 was not added, as gemma2 needs it") {
      try $0.changeValues("_norm.weight") { $0 - 1 }
    },
    Mistake("gemma2", "Q4_K_M", "OUN407", "tensor output_norm.weight: 1 was added twice") {
      try $0.changeValues("output_norm.weight") { $0 + 1 }
    },
    Mistake("", "Q4_K_M", "OUN407", "tensors blk.*.ffn_norm.weight: 1 was added, which llama does without") {
      try $0.changeValues("ffn_norm.weight") { $0 + 1 }
    },
    Mistake("", "F16", "OUN413", "tensor blk.2.attn_v.weight: the bytes of its numbers are in reverse order") {
      try $0.change("blk.2.attn_v.weight") { tensor in
        var bytes = try tensor.bytes()
        for index in stride(from: 0, to: bytes.count, by: 2) { bytes.swapAt(index, index + 1) }
        return Tensor(info: tensor.info, data: Memory(bytes: bytes, rowByteCount: tensor.info.rowByteCount))
      }
    },
    Mistake("", "Q4_K_M", "OUN414", "values are negated") { try $0.changeValues("blk.0.ffn_gate.weight") { -$0 } },
    Mistake("mamba2", "Q8_0", "OUN414", "values are logarithms: −exp was not applied") {
      try $0.changeValues("ssm_a") { log(-$0) }
    },
    Mistake("mamba2", "F16", "OUN414", "values are positive: exp was applied, but not the minus before it") {
      try $0.changeValues("ssm_a") { -$0 }
    },
    Mistake("", "Q4_K_M", "OUN415", "values are 0.125 times those of the source") {
      try $0.changeValues("attn_k.weight") { $0 / 8 }
    },
    Mistake("", "F16", "OUN415", "values are 16.0 times those of the source, the root of the embedding's width") {
      try $0.changeValues("token_embd.weight") { $0 * 16 }
    },
    Mistake("", "Q8_0", "OUN415", "each row is the source's times another number") {
      try $0.change("blk.1.ffn_up.weight") { tensor in
        var (values, numbers) = (try tensor.values(), SeededNumbers(5))
        for row in 0..<tensor.info.rowCount {
          let scale = 50 + 100 * numbers.uniform()
          for column in 0..<tensor.info.columnCount { values[row * tensor.info.columnCount + column] *= scale }
        }
        return try tensor.with(values)
      }
    },
    Mistake("", "Q4_K_M", "OUN405", "tensor blk.3.ffn_up.weight: all elements are zero") {
      try $0.changeValues("blk.3.ffn_up.weight") { _ in 0 }
    },
    Mistake("", "F16", "OUN405", "elements are NaN or infinite on one side only") {
      try $0.change("blk.3.ffn_up.weight") { tensor in
        var values = try tensor.values()
        values[1000] = .nan
        return try tensor.with(values)
      }
    },
    Mistake("", "Q8_0", "OUN405", "row 33 has a relative error of") {
      try $0.change("blk.3.ffn_up.weight") { tensor in
        var (values, numbers) = (try tensor.values(), SeededNumbers(6))
        for column in 0..<tensor.info.columnCount {
          values[33 * tensor.info.columnCount + column] = numbers.normal() / 50
        }
        return try tensor.with(values)
      }
    },
  ]

  /// Exchanges the values of tensors: what is at `to(name)` comes to `name`.
  private static func move(_ model: inout Model, _ from: (String) -> String?) throws {
    let old = model
    for index in model.tensors.indices {
      guard let name = from(model.tensors[index].info.name) else { continue }
      model.tensors[index] = try model.tensors[index].with(try old.tensor(name).values())
    }
  }

  private static let places: [Mistake] = [
    Mistake("", "Q4_K_M", "OUN411", "tensors blk.1.*: hold what belongs to block 2 (9 tensors)") {
      try move(&$0) { name in
        name.hasPrefix("blk.1.")
          ? "blk.2." + name.dropFirst(6) : name.hasPrefix("blk.2.") ? "blk.1." + name.dropFirst(6) : nil
      }
    },
    Mistake("", "Q4_K_M", "OUN411", "ffn_gate.weight: hold what belongs to blk.*.ffn_up.weight of the same block") {
      try move(&$0) { name in
        name.contains("ffn_gate")
          ? name.replacing("gate", with: "up") : name.contains("ffn_up") ? name.replacing("up", with: "gate") : nil
      }
    },
    Mistake("", "F16", "OUN411", "tensor blk.0.attn_v.weight: hold what belongs to block 3") {
      try move(&$0) { $0 == "blk.0.attn_v.weight" ? "blk.3.attn_v.weight" : nil }
    },
    Mistake("", "Q2_K", "OUN411", "tensors blk.0.*: hold what belongs to block 3") {
      try move(&$0) { name in
        name.hasPrefix("blk.0.")
          ? "blk.3." + name.dropFirst(6) : name.hasPrefix("blk.3.") ? "blk.0." + name.dropFirst(6) : nil
      }
    },
    Mistake("mixtral", "Q4_K_M", "OUN408", "tensor blk.0.ffn_up_exps.weight: 2 of") {
      try $0.change("blk.0.ffn_up_exps.weight") { try experts($0) { [2, 1][safe: $0 - 1] ?? $0 } }
    },
    Mistake("qwen3-moe", "Q8_0", "OUN408", "experts are in places of others: 0 is 1, 1 is 2") {
      try $0.change("_exps.weight") { tensor in
        let count = tensor.info.shape[0]
        return try experts(tensor) { ($0 + 1) % count }
      }
    },
  ]

  private static func experts(_ tensor: Tensor, _ source: (Int) -> Int) throws -> Tensor {
    let rows = tensor.info.shape[1]
    return try tensor.reordered { source($0 / rows) * rows + $0 % rows }
  }

  /// The parts of attention, one after the other as the checkpoint has them, cut again.
  private static func recut(_ model: inout Model, turning isTurned: Bool, _ source: (Int, _ group: Int) -> Int) throws {
    let counts = (try heads(model, isKey: false), try heads(model, isKey: true))
    for block in 0..<2 {
      let names = ["q", "k", "v"].map { "blk.\(block).attn_\($0).weight" }
      var parts = try names.map { try model.tensor($0) }
      if isTurned {
        parts[0] = try permuted(parts[0], heads: counts.0, isInverse: true)
        parts[1] = try permuted(parts[1], heads: counts.1, isInverse: true)
      }
      let columns = parts[0].info.columnCount
      let all = try parts.flatMap { try $0.values() }
      var next = 0
      for (index, name) in names.enumerated() {
        let rows = parts[index].info.rowCount
        let values = (next..<next + rows).flatMap { row in
          let from = source(row, parts[1].info.rowCount)
          return all[from * columns..<(from + 1) * columns]
        }
        next += rows
        var cut = try parts[index].with(values)
        if isTurned, index < 2 { cut = try permuted(cut, heads: index == 0 ? counts.0 : counts.1, isInverse: false) }
        try model.change(name) { _ in cut }
      }
    }
  }

  private static let splits: [Mistake] = [
    Mistake("internlm2", "Q8_0", "OUN410", "lie head by head in the checkpoint, but were cut as if all queries came") {
      model in
      let (queries, keys) = (try heads(model, isKey: false), try heads(model, isKey: true))
      let width = try model.tensor("blk.0.attn_q.weight").info.rowCount / queries
      let share = queries / keys
      try recut(&model, turning: true) { row, _ in
        let (group, rest) = (row / ((share + 2) * width), row % ((share + 2) * width))
        let (place, element) = (rest / width, rest % width)
        if place < share { return (group * share + place) * width + element }
        return (queries + (place - share) * keys + group) * width + element
      }
    },
    Mistake("internlm2", "Q4_K_M", "OUN410", "were cut as if their order were") { model in
      let queries = try model.tensor("blk.0.attn_q.weight").info.rowCount
      // Keys and values first: what is taken for queries begins behind them.
      try recut(&model, turning: true) { row, keys in (row + 2 * keys) % (queries + 2 * keys) }
    },
    Mistake("mixtral", "Q8_0", "OUN410", "were cut into three equal parts, though there are fewer keys than queries") {
      model in
      let names = ["q", "k", "v"].map { "blk.0.attn_\($0).weight" }
      let counts = [try heads(model, isKey: false), try heads(model, isKey: true)]
      var parts = try names.map { try model.tensor($0) }
      for index in 0..<2 { parts[index] = try permuted(parts[index], heads: counts[index], isInverse: true) }
      let (all, columns) = (try parts.flatMap { try $0.values() }, parts[0].info.columnCount)
      let rows = all.count / columns / 3
      for (index, name) in names.enumerated() {
        let values = Array(all[index * rows * columns..<(index + 1) * rows * columns])
        var cut = try parts[index].with(values, shape: [rows, columns])
        if index < 2 { cut = try permuted(cut, heads: counts[index], isInverse: false) }
        try model.change(name) { _ in cut }
      }
    },
    Mistake("phi3-longrope", "Q8_0", "OUN410", "lie head by head in the checkpoint, but were cut as if all queries") {
      model in
      let (queries, keys) = (try heads(model, isKey: false), try heads(model, isKey: true))
      try model.change("attn_qkv.weight") { tensor in
        let (width, share) = (tensor.info.rowCount / (queries + 2 * keys), queries / keys)
        return try tensor.reordered { row in
          let (group, rest) = (row / ((share + 2) * width), row % ((share + 2) * width))
          let (place, element) = (rest / width, rest % width)
          if place < share { return (group * share + place) * width + element }
          return (queries + (place - share) * keys + group) * width + element
        }
      }
    },
  ]

  private static let tensors: [Mistake] = [
    Mistake("mixtral", "Q4_K_M", "OUN416", "tensor output.weight: is missing, and programs take the embedding") {
      $0.tensors.removeAll { $0.info.name == "output.weight" }
    },
    Mistake("gemma2", "F16", "OUN416", "tensor output.weight: is the embedding once more") { model in
      model.tensors.append(try model.tensor("token_embd.weight").renamed("output.weight"))
    },
    Mistake("gemma2", "F16", "OUN416", "tensor output.weight: is not the embedding, although the source's output is") {
      model in
      let embedding = try model.tensor("token_embd.weight")
      model.tensors.append(try embedding.reordered { embedding.info.rowCount - 1 - $0 }.renamed("output.weight"))
    },
    Mistake("", "Q4_K_M", "OUN403", "tensors blk.*.ffn_up.weight: is missing, but the source has it (blocks 0 to 3)") {
      $0.tensors.removeAll { $0.info.name.hasSuffix("ffn_up.weight") }
    },
    Mistake("", "Q4_K_M", "OUN403", "tensor blk.9.attn_q.weight: is not what the source leads to") { model in
      model.tensors.append(try model.tensor("blk.0.attn_q.weight").renamed("blk.9.attn_q.weight"))
    },
    Mistake("", "Q4_K_M", "OUN404", "tensor blk.0.ffn_up.weight: is [") { model in
      try model.change("blk.0.ffn_up.weight") { tensor in
        let shape = [tensor.info.shape[0] - 1, tensor.info.shape[1]]
        return try tensor.with(Array(try tensor.values().prefix(shape[0] * shape[1])), shape: shape)
      }
    },
  ]

  private static let metadata: [Mistake] = [
    Mistake("", "Q8_0", "OUN418", "tokenizer.ggml.tokens: 2 of 1024 entries are others, the first is number 300") {
      model in
      guard case .array(.strings(let packed))? = model.metadata["tokenizer.ggml.tokens"] else { return }
      var tokens = Array(packed)
      tokens.swapAt(300, 301)
      model.metadata["tokenizer.ggml.tokens"] = .strings(tokens)
    },
    Mistake("", "Q8_0", "OUN418", "tokenizer.ggml.merges: has") { model in
      guard case .array(.strings(let packed))? = model.metadata["tokenizer.ggml.merges"] else { return }
      model.metadata["tokenizer.ggml.merges"] = .strings(Array(packed).dropLast())
    },
    Mistake("", "Q8_0", "OUN418", "tokenizer.ggml.eos_token_id: is 7, but the source gives") {
      $0.metadata["tokenizer.ggml.eos_token_id"] = .uint32(7)
    },
    Mistake("", "Q8_0", "OUN418", "the tokenizer of the source is missing") { model in
      for key in model.metadata.keys where key.hasPrefix("tokenizer.") { model.metadata[key] = nil }
    },
    Mistake("", "Q8_0", "OUN419", "tokenizer.chat_template:") {
      $0.metadata["tokenizer.chat_template"] = .string("{{ messages }}")
    },
    Mistake("", "Q8_0", "OUN420", "llama.rope.freq_base: is 500.0, but the source gives 10000.0") {
      $0.metadata["llama.rope.freq_base"] = .float32(500)
    },
    Mistake("", "Q8_0", "OUN420", "llama.attention.head_count_kv: is missing, but the source gives") {
      $0.metadata["llama.attention.head_count_kv"] = nil
    },
    Mistake("", "Q8_0", "OUN420", "general.architecture: is qwen2, but the source gives llama") {
      $0.metadata["general.architecture"] = .string("qwen2")
    },
  ]
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
