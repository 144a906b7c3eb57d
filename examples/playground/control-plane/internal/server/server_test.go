package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func start(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(New(Build{Version: "1.2.3", Commit: "abc"}))
	t.Cleanup(server.Close)
	return server.URL
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

func TestAnswers(t *testing.T) {
	url := start(t)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		contains                 string
	}{
		{"health", "GET", "/healthz", "", 200, `"ok"`},
		{"version", "GET", "/version", "", 200, `{"version":"1.2.3","commit":"abc"}`},
		{"no nodes yet", "GET", "/api/v1/nodes", "", 200, `{"nodes":[]}`},
		{"no such path", "GET", "/nothing", "", 404, "no such path"},
		{"wrong method", "DELETE", "/api/v1/nodes", "", 405, "not allowed"},
		{"no JSON", "POST", "/api/v1/nodes", "hello", 400, "not a node"},
		{"no id", "POST", "/api/v1/nodes", `{"url":"http://localhost:1"}`, 400, "id must be"},
		{"bad url", "POST", "/api/v1/nodes", `{"id":"a","url":"ftp://x"}`, 400, "url must be"},
		{"too long", "POST", "/api/v1/nodes", `{"id":"` + strings.Repeat("a", maxBody) + `"}`, 400, "not a node"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := call(t, c.method, url+c.path, c.body)
			if status != c.status || !strings.Contains(body, c.contains) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestNodesAreListedByIDAndRegisteringAgainMovesThem(t *testing.T) {
	url := start(t) + "/api/v1/nodes"
	for _, c := range []struct {
		body   string
		status int
	}{
		{`{"id":"beta","url":"http://localhost:2"}`, 201},
		{`{"id":"alpha","url":"http://localhost:1"}`, 201},
		{`{"id":"beta","url":"http://localhost:3"}`, 200},
	} {
		if status, body := call(t, "POST", url, c.body); status != c.status {
			t.Fatalf("%s: %d %s", c.body, status, body)
		}
	}
	_, body := call(t, "GET", url, "")
	var list struct{ Nodes []Node }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Nodes) != 2 || list.Nodes[0].ID != "alpha" || list.Nodes[1].URL != "http://localhost:3" {
		t.Fatalf("%+v", list.Nodes)
	}
	if list.Nodes[0].RegisteredAt.IsZero() {
		t.Fatal("no time of registration")
	}
}
