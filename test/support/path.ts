import path from "node:path";

const venv = path.resolve(import.meta.dirname, "../../.setup/venv/bin");

/**
 * PATH with the checkout's own Python first. Where `python3` is a version manager's shim, each start of it costs forty
 * processes: a third of what a test's release takes.
 */
export const testPath = [venv, process.env.PATH].join(path.delimiter);
