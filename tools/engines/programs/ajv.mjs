// node ajv.mjs SCHEMA INSTANCES [u]: a 1 or a 0 per line of INSTANCES; patterns get the flag u only when it is named.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../node/package.json", import.meta.url));
const Ajv = require("ajv/dist/2020.js").default;

const [schema, instances, flag] = process.argv.slice(2);
const validate = new Ajv({ unicodeRegExp: flag === "u", allowUnionTypes: true }).compile(JSON.parse(readFileSync(schema, "utf8")));
const lines = readFileSync(instances, "utf8").trimEnd().split("\n");
console.log(lines.map((line) => (validate(JSON.parse(line)) ? "1" : "0")).join(""));
