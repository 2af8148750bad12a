// Which characters does Ajv refuse in a path? node path_characters.mjs openapi.json
// Prints {"with u flag": {"alone": [code, ...], "embedded": [code, ...]}, "without u flag": {...}}; surrogates are asked as well.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../tools/node/package.json", import.meta.url));
const Ajv = require("ajv/dist/2020.js").default;

const schema = JSON.parse(readFileSync(process.argv[2], "utf8")).components.schemas.FilePath;
const answer = {};
for (const [name, unicodeRegExp] of [["with u flag", true], ["without u flag", false]]) {
  const accepts = new Ajv({ unicodeRegExp }).addVocabulary(["x-nclue-rule", "x-nclue-reading"]).compile(schema);
  const alone = [];
  const embedded = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const character = String.fromCodePoint(code);
    if (!accepts(character)) alone.push(code);
    if (!accepts(`a${character}b`)) embedded.push(code);
  }
  answer[name] = { alone, embedded };
}
console.log(JSON.stringify(answer));
