import { describe, expect, test } from "vitest";
import { argumentsOf, parseQuery, QueryError } from "./graphql-query.ts";

describe("parseQuery", () => {
  test("reads what gh 2.23 sends", () => {
    const [repository] = parseQuery(
      "query RepositoryReleaseList($endCursor:String$name:String!$owner:String!$perPage:Int!){repository(owner: $owner, name: $name){releases(first: $perPage, orderBy: {field: CREATED_AT, direction: DESC}, after: $endCursor){nodes{name,tagName},pageInfo{hasNextPage,endCursor}}}}",
    );
    expect(repository?.name).toBe("repository");
    const [releases] = repository?.fields ?? [];
    expect(argumentsOf(releases?.args ?? {}, { perPage: 30, endCursor: null })).toEqual({
      first: 30,
      orderBy: { field: "CREATED_AT", direction: "DESC" },
      after: null,
    });
    expect(releases?.fields.map((one) => one.fields.map((two) => two.name))).toEqual([
      ["name", "tagName"],
      ["hasNextPage", "endCursor"],
    ]);
  });

  test("knows aliases, strings, comments and a query without a name", () => {
    const [field] = parseQuery('{ # why\n a: release(tagName: "v1 \\"x\\"", n: -1.5, yes: true, no: null) { id } }');
    expect(field).toMatchObject({ alias: "a", name: "release", fields: [{ name: "id", alias: "id" }] });
    expect(argumentsOf(field?.args ?? {}, {})).toEqual({ tagName: 'v1 "x"', n: -1.5, yes: true, no: null });
  });

  test.each([
    "",
    "{",
    "{ a(b: ) }",
    "query { a } query { b }",
    "mutation { deleteRelease }",
    "{ ...F } fragment F on Release { id }",
    "{ a ^ b }",
  ])("refuses %j", (text) => {
    expect(() => parseQuery(text)).toThrow(QueryError);
  });
});
