// Package playground is a client of the Playground control plane.
package playground

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Node is an agent that has registered itself with the control plane.
type Node struct {
	ID           string    `json:"id"`
	URL          string    `json:"url"`
	RegisteredAt time.Time `json:"registered_at"`
}

// Error is an answer of the control plane that is no success.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("control plane: %s (%d)", e.Message, e.Status) }

// Client talks to one control plane.
type Client struct {
	base string
	http *http.Client
}

// New returns a client of the control plane at base, e.g. "http://127.0.0.1:8080".
func New(base string) *Client {
	return &Client{base: strings.TrimRight(base, "/"), http: &http.Client{Timeout: 10 * time.Second}}
}

// Healthy tells whether the control plane answers.
func (c *Client) Healthy(ctx context.Context) bool {
	return c.call(ctx, http.MethodGet, "/healthz", nil, nil) == nil
}

// ServerVersion returns the version of the control plane.
func (c *Client) ServerVersion(ctx context.Context) (string, error) {
	var answer struct{ Version string }
	err := c.call(ctx, http.MethodGet, "/version", nil, &answer)
	return answer.Version, err
}

// Register adds a node, or moves one that is there already to another URL.
func (c *Client) Register(ctx context.Context, id, url string) (Node, error) {
	var node Node
	err := c.call(ctx, http.MethodPost, "/api/v1/nodes", map[string]string{"id": id, "url": url}, &node)
	return node, err
}

// Nodes returns all nodes, ordered by id.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var answer struct{ Nodes []Node }
	err := c.call(ctx, http.MethodGet, "/api/v1/nodes", nil, &answer)
	return answer.Nodes, err
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "playground-go/"+Version)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		problem := struct{ Error string }{response.Status}
		_ = json.NewDecoder(response.Body).Decode(&problem) // without JSON the status has to do
		return &Error{Status: response.StatusCode, Message: problem.Error}
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
