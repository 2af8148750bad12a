// go run gojsonschema.go SCHEMA INSTANCES: a 1 or a 0 per line of INSTANCES.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

func read(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(text))
}

func main() {
	schema, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(read(os.Args[1])))
	if err != nil {
		panic(err)
	}
	var results strings.Builder
	for _, line := range strings.Split(read(os.Args[2]), "\n") {
		result, err := schema.Validate(gojsonschema.NewStringLoader(line))
		if err != nil {
			panic(err)
		}
		if result.Valid() {
			results.WriteByte('1')
		} else {
			results.WriteByte('0')
		}
	}
	fmt.Println(results.String())
}
