package playground

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// controlPlane starts the real server on a free port. PLAYGROUND_BIN names its program; without it, it is built.
func controlPlane(t *testing.T) string {
	t.Helper()
	program := os.Getenv("PLAYGROUND_BIN")
	if program == "" {
		program = filepath.Join(t.TempDir(), "playground")
		build := exec.Command("go", "build", "-o", program, "./cmd/playground")
		build.Dir = "../../control-plane"
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	server := exec.Command(program, "serve", "--addr", "127.0.0.1:0")
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(line)
	return fields[len(fields)-1]
}

func TestRegisteredNodesAreListed(t *testing.T) {
	ctx := context.Background()
	client := New(controlPlane(t) + "/")
	if !client.Healthy(ctx) {
		t.Fatal("not healthy")
	}
	if version, err := client.ServerVersion(ctx); err != nil || version == "" {
		t.Fatal(version, err)
	}
	node, err := client.Register(ctx, "greeter", "http://localhost:9000")
	if err != nil || node.ID != "greeter" || node.RegisteredAt.IsZero() {
		t.Fatal(node, err)
	}
	nodes, err := client.Nodes(ctx)
	if err != nil || len(nodes) != 1 || nodes[0] != node {
		t.Fatal(nodes, err)
	}
}

func TestARefusalIsAnErrorWithItsReason(t *testing.T) {
	_, err := New(controlPlane(t)).Register(context.Background(), "Not An Id", "http://localhost:9000")
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(refused.Message, "id must be") {
		t.Fatal(err)
	}
}

func TestNobodyThereIsNotHealthy(t *testing.T) {
	if New("http://127.0.0.1:1").Healthy(context.Background()) {
		t.Fatal("healthy")
	}
}
