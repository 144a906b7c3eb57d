package server

import (
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"sync"
	"time"
)

// Node is an agent that has registered itself.
type Node struct {
	ID  string `json:"id"`
	URL string `json:"url"`
	// RegisteredAt is set by the control plane, in UTC.
	RegisteredAt time.Time `json:"registered_at"`
}

var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

type store struct {
	mu    sync.Mutex
	now   func() time.Time
	nodes map[string]Node
}

func newStore(now func() time.Time) *store {
	return &store{now: now, nodes: map[string]Node{}}
}

// register adds a node, or moves one that is there already to another URL.
func (s *store) register(node Node) (registered Node, created bool, err error) {
	if !validID.MatchString(node.ID) {
		return Node{}, false, fmt.Errorf("id must be 1 to 63 of a-z, 0-9 and -, and not start with -")
	}
	address, err := url.Parse(node.URL)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return Node{}, false, fmt.Errorf("url must be an http or https address")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before, known := s.nodes[node.ID]
	node.RegisteredAt = s.now().UTC()
	if known {
		node.RegisteredAt = before.RegisteredAt
	}
	s.nodes[node.ID] = node
	return node, !known, nil
}

// list returns all nodes by id.
func (s *store) list() []Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	nodes := make([]Node, 0, len(s.nodes))
	for _, node := range s.nodes {
		nodes = append(nodes, node)
	}
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].ID < nodes[j].ID })
	return nodes
}
