<?php
// php justinrainbow.php SCHEMA INSTANCES: a 1 or a 0 per line of INSTANCES.
set_error_handler(function ($level, $message, $file, $line) {
    if ($level & (E_DEPRECATED | E_USER_DEPRECATED)) {
        return true; // the library is older than the PHP
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});
require_once 'JsonSchema/autoload.php';

$schema = json_decode(file_get_contents($argv[1]));
foreach (file($argv[2]) as $line) {
    $instance = json_decode($line);
    $validator = new JsonSchema\Validator();
    $validator->validate($instance, $schema);
    echo $validator->isValid() ? '1' : '0';
}
