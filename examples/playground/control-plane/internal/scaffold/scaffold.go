// Package scaffold writes the files of a new node.
package scaffold

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed templates/*.tmpl
var templates embed.FS

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Write makes dir with a Python node called name in it. It never overwrites a file. It returns the paths it wrote.
func Write(dir, name string) ([]string, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("a node's name is 1 to 63 of a-z, 0-9 and -, and doesn't start with -: %q", name)
	}
	entries, err := templates.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var written []string
	for _, entry := range entries {
		text, err := templates.ReadFile("templates/" + entry.Name())
		if err != nil {
			return written, err
		}
		path := filepath.Join(dir, strings.TrimSuffix(entry.Name(), ".tmpl"))
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return written, err
		}
		_, err = file.WriteString(strings.ReplaceAll(string(text), "{{name}}", name))
		if closing := file.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}
