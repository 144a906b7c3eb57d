package playground

// Version of this module. The release process stamps it.
const Version = "0.1.18"
