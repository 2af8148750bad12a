// A consumer of the test data in vectors/: node consumer.mjs FOLDER. Replace `sign` and `findings` with calls of your own client.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const load = (name) => JSON.parse(readFileSync(`${process.argv[2]}/${name}.json`, "utf8"))[name];
const failures = [];
const compare = (name, actual, expected) => {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) failures.push(`${name}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
};

const sign = ({ method, target, timestamp, access_key, secret_key }) =>
  createHmac("sha256", secret_key).update(`${method.toUpperCase()} ${target}\n${timestamp}\n${access_key}`).digest("base64");

const forbidden = /[&$@=;:+,?*\\{}^%`[\]<>~#|"'\x00-\x1f\x80-\xff]/u;
function findings(payload) {
  const found = [];
  for (const field of ["name", "train_feature_id", "train_bucket", "train_file_path"])
    if (!(field in payload)) found.push(["NC101", `/${field}`]);
  if (payload.name === "") found.push(["NC110", "/name"]);
  if (typeof payload.name === "string" && [...payload.name].length > 100) found.push(["NC111", "/name"]);
  for (const field of ["train_file_path", "test_file_path"])
    if (typeof payload[field] === "string")
      for (const character of new Set(payload[field])) if (forbidden.test(character)) found.push(["NC120", `/${field}`]);
  return found.sort();
}

const signatures = load("signatures");
for (const vector of signatures) compare(vector.name, sign(vector), vector.signature);

const rules = ["NC101", "NC110", "NC111", "NC120"];
const isError = (finding) => finding.severity === "error";
// Those below NC100 are about the JSON text, and NC100 about what is not an object: JSON.parse would not see the first.
const payloads = load("payloads").filter(({ findings }) => findings.every((finding) => !isError(finding) || finding.rule > "NC100"));
for (const { name, body, findings: expected } of payloads)
  compare(name, findings(JSON.parse(body)), expected.filter((f) => isError(f) && rules.includes(f.rule)).map((f) => [f.rule, f.pointer]).sort());

failures.forEach((failure) => console.error(failure));
console.log(`${signatures.length} signatures, ${payloads.length} payloads: ${failures.length} failures`);
process.exit(failures.length ? 1 : 0);
