import OunceKit

/// Where the repository lies, so that tests find fixtures.
enum Repository {
  static let root: String = {
    var path = Paths.folder(of: #filePath)
    while !Paths.isFile(Paths.join(path, "Package.swift")), path != "/", path != "." { path = Paths.folder(of: path) }
    return path
  }()
}
