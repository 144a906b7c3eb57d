/** Set by scripts/build.ts (esbuild `define`); not there when the sources run as they are. */
declare const TWOTIER_VERSION: string | undefined;

/** Version of twotier itself, SemVer: what package.json says. */
export const productVersion: string =
  typeof TWOTIER_VERSION === "string" ? TWOTIER_VERSION : versionOf(new URL("../../package.json", import.meta.url));

// Not a static import: in the built command this file is loaded by every Node there is, also those without `node:`.
function versionOf(file: URL): string {
  const text = process.getBuiltinModule("node:fs").readFileSync(file, "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
