/** Beginnings of files with machine code or byte code. */
const magic: readonly Buffer[] = [
  Buffer.from("\x7fELF", "latin1"),
  Buffer.from("MZ"),
  ...["feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe", "cafebabf"].map((hex) => Buffer.from(hex, "hex")), // Mach-O, Java
  Buffer.from("\0asm", "latin1"),
  Buffer.from("!<arch>\n"),
  Buffer.from("BC\xc0\xde", "latin1"), // LLVM
];

/** True for what a compiler made: its bytes move about with the length of a version in it. */
export function isCompiled(name: string, head: Buffer): boolean {
  return /\.pyc$/.test(name) || magic.some((bytes) => head.subarray(0, bytes.length).equals(bytes));
}
