internal import OunceCore

extension Probe {
  /// Bytes at a fixed place that tell a kind of file.
  struct Signature {
    let bytes: [UInt8]
    var offset = 0
    /// Text that has to stand somewhere in the head, too.
    var contains: String?
    /// What the file is, as in "is …".
    let what: String
    let kind: OunceError.Kind
    let remedy: String

    func matches(_ head: [UInt8]) -> Bool {
      guard head.count >= offset + bytes.count, head[offset...].starts(with: bytes) else { return false }
      guard let contains else { return true }
      let text = Array(contains.utf8)
      return head.indices.contains { head[$0...].starts(with: text) }
    }

    func error(_ file: InputFile) -> OunceError {
      OunceError(kind, what, file: file.path, offset: offset, remedy: remedy)
    }
  }

  /// Archives and compressed files, which may hold weights. Archives that are a weight format come first.
  static let wrappers: [Signature] = [
    other([0x04, 0x22, 0x4D, 0x18], contains: "joblib", "is a joblib file (lz4)", pickled),
    wrapper(Array("PK\u{3}\u{4}".utf8), "is a zip archive", "unzip"),
    wrapper([0xFD] + Array("7zXZ\0".utf8), "is compressed with xz", "unxz"),
    wrapper(Array("BZh".utf8), "is compressed with bzip2", "bunzip2"),
    wrapper([0x04, 0x22, 0x4D, 0x18], "is compressed with lz4", "unlz4"),
    wrapper(Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], "is a 7z archive", "7z x"),
    wrapper(Array("Rar!".utf8), "is a RAR archive", "unrar x"),
  ]

  /// Models of other kinds, which stay what they are: of other programs, or made for one device.
  static let others: [Signature] = [
    other([0x80], contains: "joblib", "is a pickle of joblib", pickled),
    other([0x80], contains: "sklearn", "is a pickle of scikit-learn", pickled),
    other(Array("ptrt".utf8), "is a TensorRT engine, compiled for one kind of GPU", source),
    other(Array("ftrt".utf8), "is a TensorRT engine, compiled for one kind of GPU", source),
    other(Array("RKNN".utf8), "is an RKNN model, compiled for a Rockchip NPU", source),
    other([0x01] + Array("HEF".utf8), "is a Hailo model, compiled for its NPU", source),
    other(Array("ORTM".utf8), offset: 4, "is a model of ONNX Runtime (.ort)", "use the .onnx that it was made from"),
    other(Array("ET12".utf8), offset: 4, "is an ExecuTorch program (.pte)", source),
    other([4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0] + Array("V 1".utf8), "is a Torch7 file (.t7)", lua),
    other([3, 0, 0, 0, 1, 0, 0, 0], contains: "torch.", "is a Torch7 table (.t7)", lua),
    other(Array("4\n1\n3\nV 1\n".utf8), "is a Torch7 file in text (.t7)", lua),
    other(Array("7767517\n".utf8), "is the graph of an ncnn model (.param)", source),
    other(Array("<?xml".utf8), contains: "<net ", "is the graph of an OpenVINO model (.xml)", source),
    other(
      [0x12, 0x01, 0, 0, 0, 0, 0, 0], "holds the parameters of an MXNet model",
      "load it with MXNet, then save the arrays as .npz"),
    other(
      [UInt8](repeating: 0, count: 16), contains: "\u{8}\u{5}\u{10}", "holds the parameters of a PaddlePaddle model",
      "load it with PaddlePaddle, then save the arrays as .npz"),
    other(
      [0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0], "holds the weights of a Darknet model",
      "convert it to PyTorch or ONNX; the graph is in the .cfg beside it"),
    other(
      [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], "holds the weights of a Darknet model",
      "convert it to PyTorch or ONNX; the graph is in the .cfg beside it"),
    other([0xBA, 0x16, 0x4F, 0x2F], "is a fastText model", "use fastText itself"),
    other(Array("CBM1".utf8), "is a CatBoost model", trees),
    other(Array("binf".utf8), "is an XGBoost model", trees),
    other(Array("tree\nversion=".utf8), "is a LightGBM model", trees),
    other(Array("ccgg".utf8), "is a ggcc file, of a fork of ggml", "convert it with the program that it was made for"),
    other(
      Array("algg".utf8), "is a ggla adapter, from before GGUF",
      "convert the adapter that it was made from with llama.cpp's convert_lora_to_gguf.py"),
    other([0x7F] + Array("ELF".utf8), "is a program for Linux without a model in it", program),
    other(Array("MZ".utf8), "is a program for Windows without a model in it", program),
  ]

  private static let pickled =
    "such files run code when they are opened: load it with the library that made it, then save the arrays as .npz"
  private static let source = "use the model that it was made from"
  private static let lua = "load it with Python's torchfile, then save the arrays as .npz"
  private static let trees = "it holds trees, which are no tensors"
  private static let program = "name the weight file; a llamafile that was cut short has lost its model"

  private static func other(
    _ bytes: [UInt8], offset: Int = 0, contains: String? = nil, _ what: String, _ remedy: String
  ) -> Signature {
    Signature(bytes: bytes, offset: offset, contains: contains, what: what, kind: .unsupported, remedy: remedy)
  }

  /// A network of Caffe: a protocol buffer whose fields are a name and layers, each with a name and a type.
  ///
  /// Source: `NetParameter` of https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto
  static func caffe(_ file: InputFile, _ head: [UInt8]) -> OunceError? {
    var net = ProtobufReader(file)
    for _ in 0..<8 {
      guard let field = try? net.next(), case .bytes(let range) = field.value else { return nil }
      // Of layers, 100 is the field of today, 2 the one of old.
      guard field.field == 100 || field.field == 2 else {
        guard field.field == 1 || field.field == 3 else { return nil }
        continue
      }
      var layer = net.nested(range)
      guard let first = try? layer.next(), case .bytes(let name) = first.value, name.count < 256,
        let text = try? layer.content(name), text.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
      else { return nil }
      guard field.field == 2 ? (2...4).contains(first.field) : first.field == 1 else { return nil }
      if field.field == 100 {
        guard let type = try? layer.next(), type.field == 2, case .bytes = type.value else { return nil }
      }
      return OunceError(
        .unsupported, "is a Caffe model (.caffemodel)", file: file.path, offset: 0,
        remedy: "convert it to ONNX or PyTorch first")
    }
    return nil
  }

  private static func wrapper(_ bytes: [UInt8], offset: Int = 0, _ what: String, _ command: String) -> Signature {
    Signature(
      bytes: bytes, offset: offset, what: what + ", not a weight file", kind: .malformed,
      remedy: "unpack it first (`\(command) FILE`), then name what was in it")
  }
}
