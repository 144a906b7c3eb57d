// Package server is the control plane's HTTP interface.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"
)

// maxBody is the most bytes a request may send.
const maxBody = 64 << 10

// Build says what is running.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
}

type problem struct {
	Error string `json:"error"`
}

// New returns the handler of a control plane that knows no nodes yet.
func New(build Build) http.Handler {
	nodes := newStore(time.Now)
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", only(func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	}, http.MethodGet))
	mux.HandleFunc("/version", only(func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, build)
	}, http.MethodGet))
	mux.HandleFunc("/api/v1/nodes", only(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			answer(w, http.StatusOK, map[string][]Node{"nodes": nodes.list()})
			return
		}
		var node Node
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		if err := decoder.Decode(&node); err != nil {
			answer(w, http.StatusBadRequest, problem{"the body is not a node in JSON"})
			return
		}
		registered, created, err := nodes.register(node)
		if err != nil {
			answer(w, http.StatusBadRequest, problem{err.Error()})
			return
		}
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		answer(w, status, registered)
	}, http.MethodGet, http.MethodPost))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, problem{"no such path"})
	})
	return mux
}

// Serve listens on addr until ctx ends, then finishes the requests under way. ready gets the base address.
func Serve(ctx context.Context, addr string, build Build, ready func(url string)) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: New(build), ReadHeaderTimeout: 5 * time.Second}
	ready("http://" + listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	}
}

func only(handler http.HandlerFunc, methods ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range methods {
			if r.Method == method {
				handler(w, r)
				return
			}
		}
		for _, method := range methods {
			w.Header().Add("Allow", method)
		}
		answer(w, http.StatusMethodNotAllowed, problem{r.Method + " is not allowed here"})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody is left to tell
}
