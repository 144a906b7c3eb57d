import { Document, isMap, isScalar, isSeq, visit } from "yaml";
import type { RawConfig } from "../config/schema.ts";

export const schemaLine = "# yaml-language-server: $schema=https://unpkg.com/twotier/schema/twotier.schema.json";

/**
 * Text of twotier.yaml.
 *
 * @param comments top-level key -> what stands above it
 */
export function configText(config: RawConfig, comments: Partial<Record<keyof RawConfig, string>>): string {
  const document = new Document(config);
  visit(document, {
    Pair(_, pair) {
      if (!isScalar(pair.key)) return;
      // Platforms on one line; files and stamps each on their own.
      const short = isSeq(pair.value) && pair.value.items.every(isScalar) && pair.key.value === "platforms";
      if (short && isSeq(pair.value)) pair.value.flow = true;
    },
  });
  if (isMap(document.contents)) {
    for (const [at, pair] of document.contents.items.entries()) {
      if (!isScalar(pair.key)) continue;
      const comment = comments[pair.key.value as keyof RawConfig];
      if (comment !== undefined) pair.key.commentBefore = ` ${comment}`;
      pair.key.spaceBefore = at > 1;
    }
  }
  return `${schemaLine}\n${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
}
