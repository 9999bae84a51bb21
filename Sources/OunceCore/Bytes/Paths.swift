internal import SystemPackage

/// Names of files and folders, and what stands in folders.
public enum Paths {
  /// The folder that holds `path`; "." for a bare name.
  public static func folder(of path: String) -> String {
    let parent = FilePath(path).removingLastComponent().string
    return parent.isEmpty ? "." : parent
  }

  /// The last component of `path`, also of one that ends in a slash.
  public static func name(of path: String) -> String { FilePath(path).lastComponent?.string ?? path }

  /// `name` inside `folder`.
  public static func join(_ folder: String, _ name: String) -> String { FilePath(folder).appending(name).string }

  /// The name of a folder when `path` is "." or ends in "..": asks the system for its real path.
  public static func resolvedName(of path: String) -> String {
    let last = FilePath(path).lastComponent
    if let last, last.kind == .regular { return last.string }
    return System.realPath(path).map(name(of:)) ?? path
  }

  /// The path without links and dots; nil when there is nothing there.
  public static func resolved(_ path: String) -> String? { System.realPath(path) }

  public static func exists(_ path: String) -> Bool { (try? System.status(of: path)) != nil }
  public static func isFolder(_ path: String) -> Bool { (try? System.status(of: path))?.isFolder ?? false }
  public static func isFile(_ path: String) -> Bool { (try? System.status(of: path))?.isFile ?? false }

  /// The names in a folder, sorted by their bytes.
  public static func names(in path: String) throws(OunceError) -> [String] {
    do { return try System.names(in: path) } catch {
      throw OunceError(
        error == .noSuchFileOrDirectory ? .notFound : .io, "cannot be listed: \(error)", file: path)
    }
  }

  /// The bytes that may still be written beside `path`; nil when the system does not say.
  public static func freeByteCount(beside path: String) -> Int? { try? System.freeByteCount(at: folder(of: path)) }

  /// The bytes in which the file system beside `path` gives room to files; 1 when it does not say.
  public static func blockByteCount(beside path: String) -> Int {
    max(1, (try? System.blockByteCount(at: folder(of: path))) ?? 1)
  }

  /// The bytes on disk that the file takes; 0 when there is none.
  public static func allocatedByteCount(of path: String) -> Int {
    (try? System.allocatedByteCount(of: path)) ?? 0
  }

  /// Removes a file, when there is one.
  public static func removeFile(_ path: String) { try? System.remove(path) }

  /// Removes a folder, when it is empty.
  public static func removeEmptyFolder(_ path: String) { try? System.removeFolder(path) }

  /// Whether files can be made beside `path`.
  public static func canWrite(beside path: String) -> Bool { System.canWrite(folder(of: path)) }

  /// Makes a folder unless it exists.
  public static func makeFolder(_ path: String) throws(OunceError) {
    if isFolder(path) { return }
    do { try System.makeFolder(path) } catch {
      throw OunceError(.output, "cannot make the folder: \(error)", file: path)
    }
  }
}
