# perl json_validator.pl SCHEMA INSTANCES: a 1 or a 0 per line of INSTANCES.
use strict;
use warnings;
use JSON::Validator;
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json);

my ($file, $instances) = @ARGV;
my $schema = JSON::Validator->new->schema(decode_json(path($file)->slurp))->schema;
print join('', map { $schema->validate(decode_json($_)) ? '0' : '1' } split /\n/, path($instances)->slurp), "\n";
