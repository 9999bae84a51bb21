/// What downloads leave behind, and files of others.
enum HostileDownloads {
  static let suite: HostileSuite = {
    var suite = HostileSuite("downloads", file: "model.gguf")
    unfinished(&suite)
    pages(&suite)
    others(&suite)
    return suite
  }()

  private static func unfinished(_ suite: inout HostileSuite) {
    let good = GGUFWriter().bytes
    for ending in [".incomplete", ".part", ".partial", ".crdownload", ".download", ".!qB", ".opdownload", ".aria2"] {
      suite.refuse("the ending \(ending)", "OUN110", "unfinished download (\(ending))", good, as: "model.gguf\(ending)")
      suite.refuse(
        "a folder with \(ending) in it", "OUN110", "unfinished download", folder: ["model.gguf\(ending)": good])
    }
    for name in [
      ".model.gguf.ounce-partial", ".model.gguf.ounce-journal", "model.gguf.ounce-partial-4711",
      ".model.gguf.ounce-partial-4711", ".model.safetensors.ounce-partial",
    ] {
      suite.refuse("ounce's own \(name)", "OUN110", "unfinished", good, as: name)
    }
    suite.refuse(
      "a folder with nothing but ounce's own partial file", "OUN110", "unfinished",
      folder: [".model.gguf.ounce-partial": good, ".model.gguf.ounce-journal": utf8("x")])
    suite.refuse(
      "aria2's control file beside it", "OUN110", "aria2", folder: ["model.gguf": good, "model.gguf.aria2": [0]],
      checked: "model.gguf")
    suite.refuse(
      "aria2's control file in a folder", "OUN110", "aria2", folder: ["model.gguf": good, "model.gguf.aria2": [0]])
    suite.refuse(
      "ounce's journal beside it", "OUN110", "unfinished",
      folder: ["model.gguf": good, ".model.gguf.ounce-journal": [0], ".model.gguf.ounce-partial": [0]],
      checked: ".model.gguf.ounce-journal")
    suite.accept(
      "the partial file of another run beside a finished one", because: "the finished file is whole",
      folder: ["model.gguf": good, ".model.gguf.ounce-partial": [0]], checked: "model.gguf")
    suite.refuse(
      "Safari's folder of a download", "OUN110", "unfinished download (.download)",
      folder: ["model.gguf.download/model.gguf": good, "model.gguf.download/Info.plist": utf8("<plist/>")],
      checked: "model.gguf.download")
    suite.refuse(
      "the Hub's folder of an interrupted download", "OUN110", "unfinished",
      folder: [".cache/huggingface/download/abc=.0123.incomplete": good])
    suite.refuse(
      "settings whose download was interrupted", "OUN110", "tokenizer.json.incomplete",
      folder: [
        "model.safetensors": HostileSafetensors.file("{\(HostileSafetensors.tensor())}"), "config.json": utf8("{}"),
        "tokenizer.json.incomplete": utf8("{"),
      ])
    suite.refuse("space that was reserved, but never filled", "OUN103", "zeros only", zeros(100_000))
    suite.add(
      "space of 3 GB that was reserved, but never filled",
      [.init(name: "model.gguf", bytes: [], holeByteCount: 3 << 30)],
      "model.gguf", .refused(rule: "OUN103", words: "zeros only"))
    suite.refuse("nothing", "OUN103", "is empty", [])
    suite.refuse("one byte", "OUN103", "", [0x47])
    suite.refuse("three bytes of a magic", "OUN103", "has only 3 bytes", utf8("GGU"))
  }

  private static func pages(_ suite: inout HostileSuite) {
    suite.refuse(
      "a Git LFS pointer", "OUN103", "Git LFS pointer",
      utf8(
        "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "0", count: 64))\nsize 4920738944\n"
      ))
    suite.refuse(
      "a Git LFS pointer with lines of Windows", "OUN103", "Git LFS pointer",
      utf8("version https://git-lfs.github.com/spec/v1\r\noid sha256:0\r\nsize 5\r\n"))
    suite.refuse(
      "a Git LFS pointer whose size moves the cursor", "OUN103", "Git LFS pointer",
      utf8("version https://git-lfs.github.com/spec/v1\nsize \u{1B}[2J\u{202E}9\n"))
    for (what, page) in [
      ("a page", "<!DOCTYPE html><html><title>404 Not Found</title>"),
      ("a page in capitals", "<!DOCTYPE HTML><TITLE>x"),
      ("a page without a type", "<html><head><title>Sign in</title></head>"),
      ("a page behind lines", "\n\n  <html lang=en>"),
      ("a page with a byte order mark", "\u{FEFF}<!doctype html>"),
      ("a page whose title turns text around", "<html><title>\u{202E}fdp.exe\u{1B}]0;x\u{7}</title>"),
      ("a page whose title never ends", "<html><title>" + String(repeating: "a", count: 100_000)),
    ] {
      suite.refuse(what, "OUN103", "is an HTML page", utf8(page))
    }
    suite.refuse(
      "a message of a store", "OUN103", "AccessDenied",
      utf8("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"))
    suite.refuse("a message in JSON", "OUN103", "Repository not found", utf8(#"{"error":"Repository not found"}"#))
    suite.refuse(
      "settings in place of weights", "OUN103", "JSON document", utf8(#"{"architectures":["LlamaForCausalLM"]}"#))
    suite.refuse("a message in words", "OUN103", "", utf8("Entry not found; please check the address of the file"))
  }

  private static func others(_ suite: inout HostileSuite) {
    for (what, words, head) in [
      ("a program of Linux", "program for Linux", all([0x7F], utf8("ELF"))),
      ("a program of Windows", "program for Windows", utf8("MZ")),
      ("a TensorRT engine", "TensorRT", utf8("ptrt")),
      ("an ONNX Runtime file", "ONNX Runtime", zeros(4) + utf8("ORTM")),
      ("a fastText model", "fastText", [0xBA, 0x16, 0x4F, 0x2F]),
      ("an ExecuTorch program", "ExecuTorch", zeros(4) + utf8("ET12")),
    ] {
      suite.refuse(what, "OUN104", words, head + [UInt8](repeating: 7, count: 200), as: "model.bin")
    }
    for (what, words, head) in [
      ("a 7z archive", "7z", utf8("7z") + [0xBC, 0xAF, 0x27, 0x1C]), ("a RAR archive", "RAR", utf8("Rar!")),
      ("an xz file", "xz", [0xFD] + utf8("7zXZ\0")), ("a bzip2 file", "bzip2", utf8("BZh9")),
    ] {
      suite.refuse(what, "OUN103", words, head + [UInt8](repeating: 7, count: 200))
    }
    suite.refuse(
      "noise", "OUN104", "no weight file that this build knows",
      Array((0..<400).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 99) }), as: "model.xyz")
    suite.refuse(
      "noise that is named like a weight file", "OUN103", "is named like",
      Array((0..<400).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 99) }))
    suite.refuse(
      "a PNG that is named like a weight file", "OUN103", "begins with the bytes 89 50",
      [0x89] + utf8("PNG\r\n\u{1A}\n") + zeros(100))
    suite.refuse("a picture", "OUN104", "", [0x89] + utf8("PNG\r\n\u{1A}\n") + zeros(100), as: "picture.png")
  }
}
