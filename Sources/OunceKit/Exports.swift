@_exported public import OunceContainers
@_exported public import OunceCore
@_exported public import OunceEncoding
