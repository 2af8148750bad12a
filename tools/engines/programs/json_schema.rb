# ruby json_schema.rb SCHEMA INSTANCES: a 1 or a 0 per line of INSTANCES.
# Without parse_data: false, the library takes a string for the JSON text or the address of an instance.
require "json"
require "json-schema"

schema = JSON.parse(File.read(ARGV[0], encoding: "UTF-8"))
validate = ->(line) { JSON::Validator.validate(schema, JSON.parse(line), version: :draft6, parse_data: false) }
puts File.foreach(ARGV[1], encoding: "UTF-8").map { |line| validate.(line) ? "1" : "0" }.join
