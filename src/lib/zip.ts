import { openPromise } from "yauzl";

/**
 * Reads the first entry of a zip file that is wanted, without unpacking anything else.
 *
 * @param limit bytes that the entry may have (default 16 MiB): a small file may say that it holds gigabytes, and do
 * @throws Error when the file can't be read, isn't a zip, or the entry is longer
 */
export async function readZipEntry(file: string, wanted: RegExp, limit = 16 << 20): Promise<Buffer | undefined> {
  const archive = await openPromise(file, { autoClose: false });
  try {
    for await (const entry of archive.eachEntry()) {
      const name = entry.fileName as string;
      if (!wanted.test(name)) continue;
      const tooLong = new Error(`${name} is longer than ${limit} bytes`);
      if (entry.uncompressedSize > limit) throw tooLong;
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of await archive.openReadStreamPromise(entry)) {
        size += (chunk as Buffer).length;
        if (size > limit) throw tooLong;
        chunks.push(chunk as Buffer);
      }
      return Buffer.concat(chunks);
    }
    return undefined;
  } finally {
    archive.close();
  }
}
