import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";

/** What a repository keeps about a manifest; its bytes are in the blob store. */
export interface ManifestRecord {
  mediaType: string;
  /** bytes */
  size: number;
  /** Digest of the manifest it refers to. */
  subject?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
}

export interface Repository {
  name: string;
  /** Digests that were pushed or mounted here: content of other repositories isn't visible. */
  blobs: Set<string>;
  manifests: Map<string, ManifestRecord>;
  tags: Map<string, string>;
}

/**
 * A folder: `blobs/ALGORITHM/HEX` holds the bytes of blobs and manifests once, `repositories/NAME/_repository.json` what each repository
 * sees of them (no component of a name begins with an underscore), `uploads/` what isn't finished.
 */
export class Store {
  readonly root: string;
  readonly repositories = new Map<string, Repository>();
  readonly #writes = new Map<string, Promise<void>>();

  private constructor(root: string) {
    this.root = root;
  }

  static async open(root: string): Promise<Store> {
    const store = new Store(root);
    await rm(path.join(root, "uploads"), { recursive: true, force: true });
    for (const folder of ["uploads", "blobs/sha256", "blobs/sha512", "repositories"]) {
      await mkdir(path.join(root, folder), { recursive: true });
    }
    const files = await readdir(path.join(root, "repositories"), { recursive: true });
    for (const file of files.filter((name) => path.basename(name) === "_repository.json")) {
      const saved = JSON.parse(await readFile(path.join(root, "repositories", file), "utf8"));
      store.repositories.set(saved.name, {
        name: saved.name,
        blobs: new Set(saved.blobs),
        manifests: new Map(Object.entries(saved.manifests)),
        tags: new Map(Object.entries(saved.tags)),
      });
    }
    return store;
  }

  /** The repository, made on its first use; nothing is written until `save`. */
  repository(name: string): Repository {
    let repository = this.repositories.get(name);
    if (repository === undefined) {
      repository = { name, blobs: new Set(), manifests: new Map(), tags: new Map() };
      this.repositories.set(name, repository);
    }
    return repository;
  }

  blobPath(digest: string): string {
    return path.join(this.root, "blobs", ...digest.split(":"));
  }

  uploadPath(id: string): string {
    return path.join(this.root, "uploads", id);
  }

  /** Bytes of a blob, or undefined where there are none. */
  async sizeOf(digest: string): Promise<number | undefined> {
    return (await stat(this.blobPath(digest)).catch(() => undefined))?.size;
  }

  async writeBlob(digest: string, bytes: Uint8Array): Promise<void> {
    const temporary = this.uploadPath(randomUUID());
    await writeFile(temporary, bytes);
    await rename(temporary, this.blobPath(digest));
  }

  /** Removes the bytes where no repository sees them any more. */
  async collect(digest: string): Promise<void> {
    for (const repository of this.repositories.values()) {
      if (repository.blobs.has(digest) || repository.manifests.has(digest)) return;
    }
    await rm(this.blobPath(digest), { force: true });
  }

  /** Writes what a repository sees; a write that waits takes in everything changed meanwhile. */
  save(repository: Repository): Promise<void> {
    const before = this.#writes.get(repository.name) ?? Promise.resolve();
    const write = before.then(() => this.#write(repository));
    this.#writes.set(
      repository.name,
      write.catch(() => {}),
    );
    return write;
  }

  async #write(repository: Repository): Promise<void> {
    const folder = path.join(this.root, "repositories", repository.name);
    await mkdir(folder, { recursive: true });
    const temporary = this.uploadPath(randomUUID());
    const { name, blobs, manifests, tags } = repository;
    const text = JSON.stringify({
      name,
      blobs: [...blobs],
      manifests: Object.fromEntries(manifests),
      tags: Object.fromEntries(tags),
    });
    await writeFile(temporary, text);
    await rename(temporary, path.join(folder, "_repository.json"));
  }
}
