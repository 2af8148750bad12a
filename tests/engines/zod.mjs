// node zod.mjs MODULE EXPORT INSTANCES: a 1 or a 0 per line of INSTANCES, by the zod schema that a module exports.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, name, instances] = process.argv.slice(2);
const schema = (await import(pathToFileURL(module)))[name];
const lines = readFileSync(instances, "utf8").trimEnd().split("\n");
console.log(lines.map((line) => (schema.safeParse(JSON.parse(line)).success ? "1" : "0")).join(""));
