/// Settings and tokenizers that lie: level deep, and importance matrices.
enum HostileMeaning {
  private typealias W = GGUFWriter

  /// A vocabulary of two tokens, and what is changed in it.
  private static func vocabulary(
    tokens: [String] = ["a", "b"], scores: Int? = 2, types: Int? = 2, more: [[UInt8]] = [],
    architecture: String = "llama"
  ) -> [UInt8] {
    var writer = GGUFWriter()
    writer.tensors = []
    writer.data = []
    writer.pairs = [
      W.string("general.architecture", architecture), W.string("general.name", "x"),
      W.string("tokenizer.ggml.model", "llama"), W.strings("tokenizer.ggml.tokens", tokens),
    ]
    if let scores { writer.pairs.append(W.array("tokenizer.ggml.scores", type: 6, count: scores, zeros(4 * scores))) }
    if let types {
      writer.pairs.append(
        W.array("tokenizer.ggml.token_type", type: 5, count: types, (0..<types).flatMap { _ in u32(1) }))
    }
    writer.pairs += more
    return writer.bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("meaning", file: "model.gguf")
    suite.level = "deep"
    tokenizers(&suite)
    checkpoints(&suite)
    return suite
  }()

  private static func tokenizers(_ suite: inout HostileSuite) {
    suite.accept("a vocabulary alone", because: "llama.cpp tests with such", vocabulary())
    suite.refuse("fewer scores than tokens", "OUN301", "", vocabulary(scores: 1))
    suite.refuse("more types than tokens", "OUN301", "", vocabulary(types: 9))
    suite.refuse("a token twice", "OUN304", "", vocabulary(tokens: ["a", "a"]))
    suite.accept(
      "tokens that differ in their Unicode form", because: "tokens are bytes, and these differ",
      vocabulary(tokens: ["caf\u{E9}", "cafe\u{301}"]))
    for key in ["bos", "eos", "unknown", "padding"] {
      suite.refuse(
        "a token \(key) of 2^32-1", "OUN302", "", vocabulary(more: [W.number("tokenizer.ggml.\(key)_token_id", -1)]))
    }
    suite.refuse(
      "merges of tokens that there are not", "OUN303", "",
      vocabulary(more: [W.strings("tokenizer.ggml.merges", ["x y"])]))
    suite.refuse(
      "a merge without a space", "OUN303", "", vocabulary(more: [W.strings("tokenizer.ggml.merges", ["ab"])]))
    for (what, template) in [
      ("reaches for classes", "{{ ''.__class__.__mro__ }}"), ("is never closed", "{% for m in messages %}{{ m }}"),
      ("imports", "{% import 'os' as os %}"), ("includes", "{% include '/etc/passwd' %}"),
      ("reaches for globals", "{{ cycler.__init__.__globals__.os.popen('id') }}"),
    ] {
      suite.refuse(
        "a chat template that \(what)", "OUN305", "", vocabulary(more: [W.string("tokenizer.chat_template", template)]))
    }
    suite.refuse(
      "a chat template that opens a hundred thousand brackets", "OUN305", "",
      vocabulary(more: [W.string("tokenizer.chat_template", "{{" + String(repeating: "(", count: 100_000))]))
    suite.warn(
      "no name, and no architecture that anyone knows", "OUN306", "",
      {
        var w = GGUFWriter(); w.pairs = [W.string("general.architecture", "llama")]; w.tensors = []; w.data = [];
        w.pairs.append(W.strings("tokenizer.ggml.tokens", ["a"])); return w.bytes
      }())
  }

  private static func checkpoints(_ suite: inout HostileSuite) {
    let tensor = HostileSafetensors.file("{\(HostileSafetensors.tensor("model.norm.weight"))}")
    func refuse(_ what: String, _ words: String, rule: String = "OUN311", config: String, tokenizer: String? = nil) {
      var files: [HostileCase.File] = [
        .init(name: "model.safetensors", bytes: tensor), .init(name: "config.json", bytes: utf8(config)),
      ]
      if let tokenizer { files.append(.init(name: "tokenizer.json", bytes: utf8(tokenizer))) }
      suite.add(what, files, "", .refused(rule: rule, words: words))
    }
    let llama =
      #"{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":2,"num_hidden_layers":1,"#
      + #""num_attention_heads":1,"intermediate_size":2,"vocab_size":2,"rms_norm_eps":1e-5,"#
      + #""max_position_embeddings":8}"#
    for (what, name) in [
      ("that nobody knows", "EvilForCausalLM"), ("that moves the cursor", #"\u001b[2J\u202eForCausalLM"#),
    ] {
      suite.warn(
        "settings of an architecture \(what)", "OUN311", "is not known",
        folder: ["model.safetensors": tensor, "config.json": utf8(#"{"architectures":["\#(name)"]}"#)])
    }
    refuse(
      "layers of 2^62", "",
      config: llama.replacing("\"num_hidden_layers\":1", with: "\"num_hidden_layers\":4611686018427387904"))
    refuse(
      "a negative number of layers", "",
      config: llama.replacing("\"num_hidden_layers\":1", with: "\"num_hidden_layers\":-1"))
    refuse("heads of none", "", config: llama.replacing("\"num_attention_heads\":1", with: "\"num_attention_heads\":0"))
    refuse("a width that is text", "", config: llama.replacing("\"hidden_size\":2", with: "\"hidden_size\":\"x\""))
    refuse("a tokenizer that is no JSON", "", config: llama, tokenizer: "{{{")
    refuse("a tokenizer nested beyond all sense", "", config: llama, tokenizer: String(repeating: "[", count: 100_000))
    refuse(
      "a tokenizer with an id of 2^62", "", config: llama,
      tokenizer: #"{"model":{"type":"BPE","vocab":{"a":4611686018427387904},"merges":[]}}"#)
    refuse(
      "a tokenizer with a negative id", "", config: llama,
      tokenizer: #"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#)
    suite.warn(
      "a tokenizer with a kind of the future", "OUN311", "not known",
      folder: [
        "model.safetensors": tensor, "config.json": utf8(llama),
        "tokenizer.json": utf8(#"{"model":{"type":"Evil","vocab":{"a":0}}}"#),
      ])
    refuse("a tokenizer that is a list", "", config: llama, tokenizer: "[]")
  }
}

/// What is hidden in a llamafile, and where.
enum HostileLlamafile {
  static let suite: HostileSuite = {
    var suite = HostileSuite("llamafile", file: "model.llamafile")
    let gguf = GGUFWriter().bytes
    func file(
      _ members: [ZipWriter.Member], head: [UInt8] = utf8("MZ") + zeros(510),
      change: (inout ZipWriter) -> Void = { _ in }
    ) -> [UInt8] {
      var writer = ZipWriter(members)
      writer.before = head
      change(&writer)
      return writer.bytes
    }
    func model(_ name: String = "m.gguf", _ content: [UInt8] = gguf) -> ZipWriter.Member {
      ZipWriter.Member(name, content)
    }
    suite.accept("a sound file", because: "a program with a model behind it", file([model()]))
    suite.accept(
      "a program of Linux", because: "it is another form of it",
      file([model()], head: all([0x7F], utf8("ELF"), zeros(508))))
    suite.refuse("a model whose checksum is wrong", "OUN206", "checksum", file([model().with { $0.checksum = 1 }]))
    suite.refuse("a model that is cut", "OUN102", "bytes are missing", file([model("m.gguf", Array(gguf.dropLast()))]))
    suite.refuse("a model that is none", "OUN102", "", file([model("m.gguf", utf8("hello, this is no GGUF"))]))
    suite.refuse("a model that is empty", "OUN102", "", file([model("m.gguf", [])]))
    suite.refuse("two models, and no word which", "OUN104", "holds 2 models", file([model("a.gguf"), model("b.gguf")]))
    suite.accept(
      "two models, and a word which", because: "the arguments name it",
      file([model("a.gguf"), model("b.gguf"), .init(".args", utf8("-m\nb.gguf\n"))]))
    suite.refuse(
      "two models, and a word that leads out of the archive", "OUN104", "holds 2 models",
      file([model("a.gguf"), model("b.gguf"), .init(".args", utf8("-m\n/zip/../../etc/passwd\n"))]))
    suite.refuse(
      "arguments of two megabytes", "OUN102", "",
      file([model("a.gguf"), model("b.gguf"), .init(".args", zeros(2 << 20))]))
    suite.refuse("an encrypted model", "OUN104", "encrypted", file([model().with { $0.flags = 1 }]))
    suite.refuse(
      "a program without a model", "OUN103", "without a weight file", file([.init("readme.txt", utf8("hi"))]),
      as: "model.bin")
    suite.refuse(
      "an archive whose directory is beyond the file", "OUN102", "", file([model()]) { $0.directoryOffset = -1 })
    suite.refuse(
      "two models in one place", "OUN102", "overlap", file([model("a.gguf"), model("b.gguf").with { $0.place = 0 }]))
    return suite
  }()
}
