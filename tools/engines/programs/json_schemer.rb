# ruby json_schemer.rb SCHEMA INSTANCES: a 1 or a 0 per line of INSTANCES.
require "json"
require "set" # the library forgets to
require "json_schemer"

schema = JSONSchemer.schema(JSON.parse(File.read(ARGV[0], encoding: "UTF-8")))
puts File.foreach(ARGV[1], encoding: "UTF-8").map { |line| schema.valid?(JSON.parse(line)) ? "1" : "0" }.join
