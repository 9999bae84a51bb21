internal import OunceCore

/// What a global that a pickle names could do, were the pickle loaded by a program that imports and calls.
enum PickleGlobals {
  enum Judgement { case known, foreign, danger }

  /// Judges by names alone: nothing is imported to look.
  static func judge(_ global: PickleGlobal) -> Judgement {
    if knownPaths.contains(global.path) { return .known }
    let modules = global.module.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let names = global.name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let first = modules.first ?? ""
    if builtins.contains(first) {
      return modules.count == 1 && names.count == 1 && plainBuiltins.contains(global.name) ? .known : .danger
    }
    // A class of TorchScript stands in the archive as code that only TorchScript runs.
    if first == "__torch__" { return .known }
    if active.contains(first) { return .danger }
    // An innocent module leads to an active one by what it imports: `torch.serialization`, name `os.system`.
    if names.contains(where: { active.contains($0) || builtins.contains($0) || isInner($0) }) { return .danger }
    if names.count > 1, names.contains(where: { $0.hasPrefix("_") }) { return .danger }
    if modules.dropFirst().contains(where: builtins.contains) { return .danger }
    if activeModules.contains(where: { global.module == $0 || global.module.hasPrefix($0 + ".") }) { return .danger }
    if activePaths.contains(global.path) { return .danger }
    return isKnown(global) ? .known : .foreign
  }

  /// Remarks on every global of a pickle that is not of PyTorch's tensors, those that could act first.
  static func remarks(_ pickle: Pickle) -> [Remark] {
    var dangers: [Remark] = []
    var notes: [Remark] = []
    for global in pickle.globals {
      switch judge(global) {
      case .known: continue
      case .foreign:
        notes.append(Remark(.note, subject: printable(global.path), "is of no known kind and was left aside"))
      case .danger:
        dangers.append(
          Remark(
            .danger, subject: printable(global.path),
            "is named at byte \(global.offset) of \(Paths.name(of: pickle.file.path)); "
              + "loading the file elsewhere could run it"))
      }
    }
    for global in pickle.changedGlobals {
      dangers.append(
        Remark(
          .danger, subject: printable(global.path),
          "is changed at byte \(global.offset) of \(Paths.name(of: pickle.file.path)) "
            + "by a program that loads the file"))
    }
    return limited(dangers, .danger, "globals that could act") + limited(notes, .note, "globals of no known kind")
  }

  private static func limited(_ remarks: [Remark], _ kind: Remark.Kind, _ things: String) -> [Remark] {
    guard remarks.count > Limits.listedGlobals else { return remarks }
    let rest = remarks.count - Limits.listedGlobals
    return remarks.prefix(Limits.listedGlobals) + [Remark(kind, "\(rest) more \(things) are in the pickle")]
  }

  /// A name of a file as it may be shown: short, and without characters that move the cursor.
  private static func printable(_ name: String) -> String {
    String(name.unicodeScalars.prefix(200).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
  }

  /// `__globals__`, `__reduce__`: what leads from an object to the machinery behind it.
  private static func isInner(_ name: String) -> Bool { name.hasPrefix("__") && name.hasSuffix("__") }

  private static let builtins: Set<String> = ["builtins", "__builtin__", "__builtins__"]

  /// Types of plain values: making one does nothing else.
  private static let plainBuiltins: Set<String> = [
    "set", "frozenset", "dict", "list", "tuple", "bytes", "bytearray", "str", "unicode", "int", "long", "float", "bool",
    "complex", "object", "slice", "range", "xrange", "Ellipsis", "NotImplemented",
  ]

  /// Packages that start programs, reach files or the network, or run, find or build code.
  private static let active: Set<String> = [
    "os", "posix", "nt", "_posixsubprocess", "posixpath", "ntpath", "sys", "subprocess", "commands", "popen2", "pty",
    "tty", "platform", "shutil", "importlib", "_imp", "imp", "zipimport", "pkgutil", "pkg_resources", "runpy", "code",
    "codeop", "compileall", "py_compile", "pip", "setuptools", "distutils", "ensurepip", "venv", "site",
    "sitecustomize", "usercustomize", "socket", "_socket", "socketserver", "ssl", "http", "httplib", "urllib",
    "urllib2", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "smtpd", "poplib", "imaplib", "nntplib",
    "telnetlib", "xmlrpc", "webbrowser", "antigravity", "paramiko", "fabric", "ctypes", "_ctypes", "cffi", "mmap",
    "msvcrt", "winreg", "_winreg", "_winapi", "win32api", "io", "_io", "tempfile", "fileinput", "linecache", "operator",
    "_operator", "functools", "_functools", "timeit", "cProfile", "profile", "pdb", "bdb", "trace",
    "doctest", "unittest", "test", "lib2to3", "idlelib", "rlcompleter", "readline", "inspect", "gc", "atexit", "signal",
    "threading", "_thread", "thread", "multiprocessing", "concurrent", "asyncio", "sched", "pickle", "_pickle",
    "cPickle", "pickletools", "dill", "cloudpickle", "marshal", "shelve", "dbm", "sqlite3", "IPython", "ipykernel",
    "jupyter", "nose", "pytest", "_pytest", "py", "getpass", "cmd", "turtle", "tkinter", "zipapp", "tarfile", "zipfile",
    "psutil", "sh", "plumbum", "pexpect", "invoke", "docker", "boto3", "git", "gdb", "bpy", "execnet",
    "_xxsubinterpreters",
    "_xxtestfuzz", "_testcapi", "_aix_support", "_osx_support", "_pyrepl", "_bootsubprocess",
  ]

  /// Parts of packages that are else harmless, with all that is below them.
  private static let activeModules: [String] = [
    "numpy.testing", "numpy.f2py", "numpy.distutils", "numpy.ctypeslib", "numpy.lib.npyio", "numpy.lib._npyio_impl",
    "torch.hub", "torch.utils.cpp_extension", "torch.utils.bundled_inputs", "torch.utils.collect_env",
    "torch.utils.bottleneck", "torch.utils._config_module", "torch.testing", "torch._inductor", "torch._dynamo",
    "torch.package", "torch.multiprocessing", "torch.distributed.rpc", "torch.distributed.run",
    "torch.distributed.launch", "torch.distributed.elastic", "torch.fx.experimental", "torch.jit.frontend",
    "torch.jit.unsupported_tensor_ops", "torch.utils.model_dump", "torch.utils.tensorboard", "torch.utils.viz",
    "torch._appdirs", "torch.onnx", "pandas.io", "pandas.eval", "sympy.parsing", "logging.config", "logging.handlers",
    "scipy.weave", "sklearn.externals", "joblib.numpy_pickle", "xml.sax", "encodings.idna", "ensurepip._bundled",
  ]

  /// Single functions of packages that are else harmless.
  private static let activePaths: Set<String> = [
    "torch.load", "torch.save", "torch.compile", "torch.import_ir_module", "torch.classes.load_library",
    "torch.ops.load_library", "torch.jit.load", "torch.jit._script.script", "torch.serialization.load",
    "torch.serialization._load", "torch.serialization._legacy_load", "torch.serialization.save",
    "torch.serialization.add_safe_globals", "torch.storage._load_from_bytes", "torch._utils._import_dotted_name",
    "torch.nn.modules.module.register_module_forward_hook", "torch._C._jit_pass_lint",
    "torch.fx.graph_module._exec_with_source",
    "torch.fx.graph_module._forward_from_src", "torch.fx._symbolic_trace.symbolic_trace",
    "torch.fx.graph_module.reduce_graph_module", "torch.fx.graph_module.reduce_package_graph_module",
    "torch._ops.load_library", "torch._classes.load_library", "numpy.load", "numpy.save", "numpy.fromfile",
    "numpy.memmap", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromregex", "numpy.DataSource", "numpy.vectorize",
    "numpy.core.multiarray.fromfile", "numpy._core.multiarray.fromfile", "types.FunctionType", "types.CodeType",
    "types.MethodType", "types.LambdaType", "types.BuiltinFunctionType", "types.DynamicClassAttribute",
    "types.new_class",
    "codecs.open", "codecs.EncodedFile", "copyreg.add_extension", "copyreg.pickle", "copyreg.constructor",
    "logging.FileHandler", "uuid._get_command_stdout", "uuid._popen", "pathlib.os",
    "pandas.read_pickle", "joblib.load", "pydoc.pipepager", "pydoc.tempfilepager", "pydoc.locate", "_pydecimal.sys",
    "weakref.finalize", "collections.namedtuple", "typing.get_type_hints", "bz2.open", "gzip.open", "lzma.open",
  ]

  /// What tensors, arrays and the containers around them are made of.
  private static func isKnown(_ global: PickleGlobal) -> Bool {
    if knownPaths.contains(global.path) || TorchType.named(global.path) != nil { return true }
    return knownModules.contains(global.module)
  }

  private static let knownModules: Set<String> = [
    "torch._utils", "torch.jit._pickle", "torch.distributed.checkpoint.metadata", "numpy.dtypes",
  ]
  private static let knownPaths: Set<String> = [
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "collections.deque", "torch.Size",
    "torch.device", "torch.Tensor", "torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type",
    "torch.tensor._rebuild_from_type_v2", "torch.tensor._rebuild_from_type", "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer", "torch.nn.Parameter", "torch.serialization._get_layout", "torch.strided",
    "torch.distributed.checkpoint.filesystem._StorageInfo", "torch.per_tensor_affine", "torch.per_channel_affine",
    "torch.sparse_coo", "torch.sparse_csr", "torch.contiguous_format", "torch.preserve_format", "torch.channels_last",
    "_codecs.encode", "copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__",
    "copyreg.__newobj_ex__", "numpy.dtype", "numpy.ndarray",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar", "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
    "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "datetime.datetime", "datetime.timedelta",
    "argparse.Namespace", "types.SimpleNamespace", "torch.torch_version.TorchVersion",
  ]
}
