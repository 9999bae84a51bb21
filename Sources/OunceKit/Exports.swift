@_exported public import OunceContainers
@_exported public import OunceCore
@_exported public import OunceEncoding
// `Metadata` is one of its types.
@_exported public import OrderedCollections
