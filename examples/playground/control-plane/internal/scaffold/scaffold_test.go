package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWritesANodeThatAsksForThisVersionOfTheSDK(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "greeter")
	files, err := Write(dir, "greeter")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	main, _ := os.ReadFile(filepath.Join(dir, "main.py"))
	if !strings.Contains(string(main), `register("greeter"`) {
		t.Errorf("%s", main)
	}
	requirements, _ := os.ReadFile(filepath.Join(dir, "requirements.txt"))
	if !strings.HasPrefix(string(requirements), "hanzo-playground>=") {
		t.Errorf("%s", requirements)
	}
}

func TestNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	if _, err := Write(dir, "greeter"); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(dir, "greeter"); err == nil {
		t.Fatal("wrote over an existing node")
	}
}

func TestRefusesNamesThatAreNone(t *testing.T) {
	for _, name := range []string{"", "-x", "../up", "Name", `a"b`} {
		if _, err := Write(t.TempDir(), name); err == nil {
			t.Errorf("took %q", name)
		}
	}
}
