// node hyperjump.mjs SCHEMA INSTANCES: a 1 or a 0 per line of INSTANCES.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../../node/package.json", import.meta.url));
const { registerSchema, validate } = await import(pathToFileURL(require.resolve("@hyperjump/json-schema/draft-2020-12")));

const [schema, instances] = process.argv.slice(2);
registerSchema(JSON.parse(readFileSync(schema, "utf8")), "https://example.test/schema");
const evaluate = await validate("https://example.test/schema");
const lines = readFileSync(instances, "utf8").trimEnd().split("\n");
console.log(lines.map((line) => (evaluate(JSON.parse(line)).valid ? "1" : "0")).join(""));
