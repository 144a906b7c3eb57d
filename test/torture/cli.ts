// The product's command line, without what chooses between its bundles (src/cli/bin.ts).
import { main } from "../../src/cli/main.ts";

await main(process.argv.slice(2));
