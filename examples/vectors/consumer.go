// A consumer of the test data in vectors/: go run consumer.go FOLDER. Replace sign with a call of your own client.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type vector struct {
	Name, Method, Target, Timestamp, Signature string
	AccessKey                                  string `json:"access_key"`
	SecretKey                                  string `json:"secret_key"`
}

func sign(v vector) string {
	mac := hmac.New(sha256.New, []byte(v.SecretKey))
	fmt.Fprintf(mac, "%s %s\n%s\n%s", strings.ToUpper(v.Method), v.Target, v.Timestamp, v.AccessKey)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func main() {
	text, err := os.ReadFile(os.Args[1] + "/signatures.json")
	var file struct{ Signatures []vector }
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		panic(err)
	}
	failures := 0
	for _, v := range file.Signatures {
		if found := sign(v); found != v.Signature {
			fmt.Fprintf(os.Stderr, "%s: %q, not %q\n", v.Name, found, v.Signature)
			failures++
		}
	}
	fmt.Printf("%d signatures: %d failures\n", len(file.Signatures), failures)
	if failures > 0 || len(file.Signatures) == 0 {
		os.Exit(1)
	}
}
