/// The library as a whole.
public enum OunceKit {
  /// The version of this release, as `ounce --version` prints it.
  public static let version = "0.1.0"
}
