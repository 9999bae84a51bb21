/// Every container that can be read, in the order in which contents are tried.
public enum Containers {
  public static let all: [any Container] = []
}
