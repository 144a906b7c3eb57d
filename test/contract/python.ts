import { mkdir } from "node:fs/promises";
import path from "node:path";
import { runOk } from "./run.ts";

/** A wheel and an sdist as a build backend makes them, but in milliseconds, and with metadata that twine 4 reads too (2.1). */
const script = `
import hashlib, base64, io, sys, tarfile, zipfile
folder, name, version, text = sys.argv[1:5]
stem = name.replace("-", "_")
metadata = f"""Metadata-Version: 2.1
Name: {name}
Version: {version}
Summary: a play
Requires-Python: >=3.8
Classifier: Programming Language :: Python :: 3
Project-URL: Home, https://example.org
Description-Content-Type: text/markdown

# {name}
""".encode()
module = f"version = {version!r}\\ntext = {text!r}\\n".encode()
info = f"{stem}-{version}.dist-info"
files = {
    f"{stem}/__init__.py": module,
    f"{info}/METADATA": metadata,
    f"{info}/WHEEL": b"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
record = "".join(
    f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\\n"
    for path, data in files.items()
)
files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\\n").encode()
wheel = f"{folder}/{stem}-{version}-py3-none-any.whl"
with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
    for path, data in files.items():
        archive.writestr(zipfile.ZipInfo(path), data)
sdist = f"{folder}/{stem}-{version}.tar.gz"
with tarfile.open(sdist, "w:gz") as archive:
    for path, data in {"PKG-INFO": metadata, f"{stem}/__init__.py": module, "pyproject.toml": b""}.items():
        entry = tarfile.TarInfo(f"{stem}-{version}/{path}")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
`;

/** Makes both files of a version in `folder`; another `text`: other bytes. `version` in PEP 440's own spelling. */
export async function pythonFiles(
  python: string,
  options: { folder: string; name: string; version: string; text?: string },
): Promise<{ wheel: string; sdist: string }> {
  const { folder, name, version, text = "" } = options;
  await mkdir(folder, { recursive: true });
  await runOk(python, ["-c", script, folder, name, version, text]);
  const stem = `${name.replaceAll("-", "_")}-${version}`;
  return { wheel: path.join(folder, `${stem}-py3-none-any.whl`), sdist: path.join(folder, `${stem}.tar.gz`) };
}
