import { open } from "node:fs/promises";
import { inflateRawSync } from "node:zlib";

/**
 * METADATA of a wheel (PEP 427), read from the zip's central directory alone.
 * Undefined when the file is no zip or holds no `*.dist-info/METADATA`.
 */
export async function wheelMetadata(path: string): Promise<Buffer | undefined> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    // End of central directory: 22 bytes and a comment of at most 64 KiB (APPNOTE.TXT 4.3.16).
    const tail = await part(handle, Math.max(0, size - 65_557), size);
    const end = tail.lastIndexOf(Buffer.from("PK\x05\x06"));
    if (end < 0 || end + 20 > tail.length) return undefined;
    const from = tail.readUInt32LE(end + 16);
    const directory = await part(handle, from, from + tail.readUInt32LE(end + 12));
    for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === 0x02014b50; ) {
      const nameLength = directory.readUInt16LE(at + 28);
      const name = directory.toString("utf8", at + 46, at + 46 + nameLength);
      if (/^[^/]+\.dist-info\/METADATA$/.test(name)) {
        const method = directory.readUInt16LE(at + 10);
        const compressed = directory.readUInt32LE(at + 20);
        const local = directory.readUInt32LE(at + 42);
        const header = await part(handle, local, local + 30);
        const body = local + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
        const bytes = await part(handle, body, body + compressed);
        return method === 0 ? bytes : inflateRawSync(bytes, { maxOutputLength: 16 << 20 });
      }
      at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    }
    return undefined;
  } catch {
    return undefined; // offsets that point nowhere, broken compression
  } finally {
    await handle.close();
  }
}

async function part(handle: Awaited<ReturnType<typeof open>>, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.min(to - from, 64 << 20));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
  return buffer.subarray(0, bytesRead);
}
