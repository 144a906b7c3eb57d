// Command playground runs the control plane and makes new nodes for it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hanzoai/playground/control-plane/internal/scaffold"
	"github.com/hanzoai/playground/control-plane/internal/server"
)

// Set by the release build: -ldflags "-X main.version=... -X main.commit=...".
var (
	version = "dev"
	commit  = "unknown"
)

const usage = `usage:
  playground serve [--addr HOST:PORT]   run the control plane (default 127.0.0.1:8080)
  playground new NAME [--dir DIR]       write a Python node to start from
  playground --version                  print the version
`

var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, errUsage) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errUsage
	}
	switch args[0] {
	case "--version", "version":
		fmt.Fprintln(stdout, "playground", version)
		return nil
	case "--help", "help":
		fmt.Fprint(stdout, usage)
		return nil
	case "serve":
		flags := newFlags("serve", stderr)
		addr := flags.String("addr", "127.0.0.1:8080", "address to listen on; port 0 takes any free one")
		if flags.Parse(args[1:]) != nil || flags.NArg() > 0 {
			fmt.Fprint(stderr, usage)
			return errUsage
		}
		return server.Serve(ctx, *addr, server.Build{Version: version, Commit: commit}, func(url string) {
			fmt.Fprintf(stdout, "playground %s listening on %s\n", version, url)
		})
	case "new":
		if len(args) < 2 {
			fmt.Fprint(stderr, usage)
			return errUsage
		}
		flags := newFlags("new", stderr)
		dir := flags.String("dir", args[1], "folder to write to")
		if flags.Parse(args[2:]) != nil || flags.NArg() > 0 {
			fmt.Fprint(stderr, usage)
			return errUsage
		}
		files, err := scaffold.Write(*dir, args[1])
		for _, file := range files {
			fmt.Fprintln(stdout, "wrote", file)
		}
		return err
	}
	fmt.Fprintf(stderr, "unknown command %q\n%s", args[0], usage)
	return errUsage
}

func newFlags(name string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {}
	return flags
}
