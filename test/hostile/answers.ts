import fc from "fast-check";
import type { HostileAnswer } from "./server.ts";

export const hex = "ab".repeat(32);

/** Words that the protocols have, so that answers get past the first look. */
const keys = [
  ..."name versions dist-tags latest next time unpublished dist integrity shasum tarball attestations".split(" "),
  ..."files filename url hashes sha256 yanked provenance tags manifests layers config digest mediaType".split(" "),
  ..."size platform os annotations errors code message error id tag_name draft prerelease immutable body".split(" "),
  ..."upload_url published_at assets state permissions push admin login user token expires_in data".split(" "),
  ...["1.2.3", "1.2.3-rc.1", "schemaVersion", "default_branch", "full_name", "objects", "access_token", "__proto__"],
];

export const { value: json } = fc.letrec<{ value: unknown }>((again) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: "large" },
    { weight: 1, arbitrary: fc.constantFrom(null, true, false, 0, -1, 1, 1e21, "", "1.2.3", "v1.2.3", "latest") },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "uploaded",
        "fast",
        "http://[",
        "../../etc",
        "http://there.invalid/x",
        "http://here.invalid@there.invalid/x",
        "\\\\there.invalid\\x",
        `sha256:${hex}`,
        hex,
        `sha256:${hex.toUpperCase()}`,
        "sha256-x",
        "2026-13-40",
      ),
    },
    { weight: 3, arbitrary: fc.array(again("value"), { maxLength: 3 }) },
    {
      weight: 6,
      arbitrary: fc.dictionary(fc.constantFrom(...keys), again("value"), { maxKeys: 12, noNullPrototype: true }),
    },
  ),
}));

/** Mostly right, so that one wrong part is looked at; then anything. */
const wholePage = json.map((one) => ({
  ...{
    name: "fast",
    "dist-tags": one,
    versions: { "1.2.3": one },
    time: one,
    files: [one, { filename: "a", url: one }],
  },
  ...{
    tags: one,
    manifests: [one],
    layers: [one],
    config: one,
    id: 1,
    tag_name: "v1.2.3",
    draft: false,
    assets: [one],
  },
  ...{ upload_url: one, permissions: one, token: one },
}));

/** Right answers, which one wrong part is put into. */
const right: unknown[] = [
  {
    name: "@example/fast",
    "dist-tags": { latest: "1.2.3", next: "1.2.3" },
    versions: {
      "1.2.3": { dist: { integrity: `sha512-${"A".repeat(86)}==`, shasum: "x", tarball: "http://here.invalid/x" } },
    },
    time: { "1.2.3": "2026-01-01", unpublished: { versions: ["1.0.0"] } },
    username: "u",
  },
  {
    files: [
      {
        filename: "fast_project-1.2.3-py3-none-any.whl",
        url: "http://there.invalid/x",
        hashes: { sha256: hex },
        yanked: false,
      },
    ],
    versions: ["1"],
  },
  {
    manifests: [{ digest: `sha256:${hex}`, size: 1, platform: { os: "linux", architecture: "amd64" } }],
    annotations: { a: "b" },
  },
  {
    config: { digest: `sha256:${hex}`, size: 1 },
    layers: [{ digest: `sha256:${hex}`, size: 1, annotations: { a: "b" } }],
  },
  {
    tags: ["v1.2.3", "latest", "twotier-staging-1.2.3-1"],
    token: "abc",
    expires_in: 60,
    errors: [{ code: "x", message: "y" }],
  },
  {
    ...{
      id: 1,
      tag_name: "v1.2.3",
      draft: false,
      prerelease: false,
      body: "",
      name: "",
      upload_url: "http://here.invalid/up{?name}",
    },
    ...{
      published_at: "2026-01-01T00:00:00Z",
      permissions: { push: true },
      default_branch: "main",
      full_name: "example/fast",
    },
    assets: [{ id: 2, name: "fast", size: 3, state: "uploaded", digest: `sha256:${hex}` }],
  },
];
right.push([right[5]]);

/** The document with what is at one place in it replaced. */
export function replaced(document: unknown, place: number, by: unknown): unknown {
  let count = 0;
  const walk = (value: unknown): unknown => {
    if (count++ === place) return by;
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(document);
}
const nearlyRight = fc
  .tuple(fc.constantFrom(...right), fc.nat(20), json)
  .map(([document, place, by]) => replaced(document, place, by));

const html = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "<a ",
        "href=",
        '"',
        ">",
        "</a>",
        "<base href='http://['>",
        "&#9999999999;",
        "&#xffffffff;",
        "#sha256=",
        hex,
        " ",
      ),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => `<a href="x-1.whl#sha256=${hex}">x-1.whl</a>${parts.join("")}`);

/** Addresses that lead elsewhere, nowhere, or round in circles. */
export const locations = [
  ...["http://[", "//", "ftp://x/", "/again", "", "file:///etc/passwd", "http://there.invalid/x", "//there.invalid/x"],
  ...["HTTP://there.invalid/x", "@there.invalid/x", ".there.invalid/x", "http://here.invalid@there.invalid/x"],
  ...["http://u:p@there.invalid/x", "http://there.invalid:80:80/", "\\\\there.invalid\\x", "/x?a=b&c", "?", "#"],
];

/** The text with `here.invalid` and `there.invalid` replaced by the servers that are meant. */
export function addressed(text: string, here: string, there: string): string {
  return text.replace(/\b(t?)here\.invalid/gi, (_, t: string) => (t === "" ? here : there));
}

const headers = (other: () => string) =>
  fc.record(
    {
      "content-type": fc.constantFrom("application/json", "text/html", "application/vnd.oci.image.index.v1+json", "x"),
      location: fc.oneof(fc.constantFrom(...locations), fc.constant(null).map(other)),
      "www-authenticate": fc.oneof(
        fc.constantFrom(
          'Bearer realm="http://["',
          "Basic",
          'Bearer realm=""',
          "Bearer",
          'Bearer realm="/token",scope="x"',
        ),
        fc.constant(null).map(() => `Bearer realm="${other()}"`),
      ),
      link: fc.oneof(
        fc.constantFrom('<http://[>; rel="next"', '<?page=999999999>; rel="last"', "<>;rel=next"),
        fc.constant(null).map(() => `<${other()}>; rel="next"`),
      ),
      "docker-content-digest": fc.constantFrom(`sha256:${hex}`, `SHA256:${hex}`, "sha256:", "md5:x", "../x"),
      "retry-after": fc.constantFrom("0", "-1", "9e99", "soon", "99999999999999999999"),
      "x-ratelimit-remaining": fc.constantFrom("0", "x"),
    },
    { requiredKeys: [] },
  );

/** Any answer; `other` gives an address elsewhere, which it may lead to. */
export const answer = (other: () => string): fc.Arbitrary<HostileAnswer> =>
  fc.record({
    status: fc.oneof(
      { weight: 6, arbitrary: fc.constant(200) },
      { weight: 3, arbitrary: fc.constantFrom(201, 202, 204, 206, 301, 302, 303, 307, 308, 304, 400, 401, 403, 404) },
      { weight: 1, arbitrary: fc.constantFrom(408, 409, 418, 422, 429, 500, 502, 503, 599) },
    ),
    headers: headers(other) as fc.Arbitrary<Record<string, string>>,
    body: fc.oneof(
      { weight: 4, arbitrary: nearlyRight.map((page) => JSON.stringify(page)) },
      { weight: 1, arbitrary: wholePage.map((page) => JSON.stringify(page)) },
      { weight: 1, arbitrary: json.map((one) => JSON.stringify(one)) },
      { weight: 1, arbitrary: html },
      {
        weight: 1,
        arbitrary: fc.constantFrom("", "null", "[]", "{", "[null]", "\u0000", '{"versions":null}', "[[]]", "\ud800"),
      },
    ),
  });
